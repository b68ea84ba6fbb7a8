#include <rwp/core/describe.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace rwp {
namespace tests {

enum class Level { junior, senior };

struct Skill {
  std::string name{};
  std::optional<int> years{};
  bool operator==(const Skill&) const = default;

  static constexpr auto describe() {
    return std::tuple{field("name", &Skill::name),
                      field("years", &Skill::years, {.minimum = 0, .maximum = 60})};
  }
};

struct Everything {
  bool flag = false;
  std::int8_t tiny = 0;
  std::int64_t large = 0;
  std::uint64_t huge = 0;
  float single = 0;
  double number = 0;
  std::string text{};
  JsonText document{};
  Level level = Level::junior;
  Skill skill{};
  std::optional<Level> maybe_level{};
  std::optional<Skill> maybe_skill{};
  std::vector<bool> flags{};
  std::vector<Skill> skills{};
  std::vector<std::vector<std::string>> lists{};
  std::map<std::string, std::optional<double>> scores{};
  std::map<std::string, std::vector<Skill>> by_team{};
  bool operator==(const Everything&) const = default;

  static constexpr auto describe() {
    return std::tuple{field("flag", &Everything::flag),
                      field("tiny", &Everything::tiny),
                      field("large", &Everything::large),
                      field("huge", &Everything::huge),
                      field("single", &Everything::single),
                      field("number", &Everything::number),
                      field("text", &Everything::text),
                      field("document", &Everything::document),
                      field("level", &Everything::level),
                      field("skill", &Everything::skill),
                      field("maybe_level", &Everything::maybe_level),
                      field("maybe_skill", &Everything::maybe_skill),
                      field("flags", &Everything::flags),
                      field("skills", &Everything::skills),
                      field("lists", &Everything::lists),
                      field("scores", &Everything::scores),
                      field("by_team", &Everything::by_team)};
  }
};

struct Ad {
  std::string title{};
  int pay = 5;
  std::vector<int> marks{};
  Level level = Level::senior;
  std::optional<Skill> skill{};
  float ratio = 0;

  static constexpr auto describe() {
    return std::tuple{
        field("title", &Ad::title, {.description = "headline"}),
        field("pay", &Ad::pay, {.minimum = 1, .maximum = 10, .may_be_absent = true}),
        field("marks", &Ad::marks, {.minimum = 0, .max_items = 2, .may_be_absent = true}),
        field("level", &Ad::level, {.may_be_absent = true}),
        field("skill", &Ad::skill),
        field("ratio", &Ad::ratio, {.may_be_absent = true})};
  }
};

/// Somebody else's type.
struct Point {
  int x = 0;
};

}  // namespace tests

template <>
struct DescribeEnum<tests::Level> {
  static constexpr std::array values = {
      std::pair(tests::Level::junior, std::string_view("junior")),
      std::pair(tests::Level::senior, std::string_view("senior"))};
};

template <>
struct Describe<tests::Point> {
  static constexpr auto fields() { return std::tuple{field("x", &tests::Point::x)}; }
};

namespace tests {
namespace {

template <class T>
Result<T> read(const std::string& text) {
  return decode<T>(JsonText::parse(text).value());
}

/// The refusal's message, which starts with the path in quotes.
std::string refusal(const std::string& text) {
  const auto ad = read<Ad>(text);
  if (ad) return "accepted";
  EXPECT_EQ(ad.error().code(), Errc::invalid_argument);
  return ad.error().message();
}

TEST(DescribeTest, EncodesMembersInTheOrderOfTheDescription) {
  Skill skill{.name = "C++"};
  EXPECT_EQ(encode(skill).view(), R"({"name":"C++","years":null})");
  EXPECT_EQ(encode(Point{.x = 3}).view(), R"({"x":3})");
}

TEST(DescribeTest, TypesOfOthersAreDescribedFromOutside) {
  EXPECT_EQ(read<Point>(R"({"x":4})").value().x, 4);
}

TEST(DescribeTest, ExtremeValuesComeBack) {
  Everything thing;
  thing.tiny = std::numeric_limits<std::int8_t>::min();
  thing.large = std::numeric_limits<std::int64_t>::min();
  thing.huge = std::numeric_limits<std::uint64_t>::max();
  thing.single = std::numeric_limits<float>::max();
  thing.number = std::numeric_limits<double>::denorm_min();
  thing.document = JsonText::parse(R"({"a":[1,null]})").value();

  EXPECT_EQ(decode<Everything>(encode(thing)).value(), thing);
}

class RandomThings {
 public:
  explicit RandomThings(unsigned seed) : random_(seed) {}

  Everything everything() {
    Everything thing;
    thing.flag = coin();
    thing.tiny = static_cast<std::int8_t>(random_());
    thing.large = static_cast<std::int64_t>(random_());
    thing.huge = random_();
    thing.single = static_cast<float>(real());
    thing.number = real();
    thing.text = text();
    if (coin()) thing.document = encode(skill());
    thing.level = coin() ? Level::junior : Level::senior;
    thing.skill = skill();
    if (coin()) thing.maybe_level = Level::senior;
    if (coin()) thing.maybe_skill = skill();
    while (coin()) thing.flags.push_back(coin());
    while (coin()) thing.skills.push_back(skill());
    while (coin()) thing.lists.emplace_back(random_() % 3, text());
    while (coin()) thing.scores[text()] = coin() ? std::optional(real()) : std::nullopt;
    while (coin()) thing.by_team[text()] = {skill(), skill()};
    return thing;
  }

 private:
  bool coin() { return random_() % 2 == 0; }
  double real() { return std::uniform_real_distribution(-1e6, 1e6)(random_); }
  std::string text() {
    // Characters that JSON escapes, and some that take several bytes.
    constexpr std::array<std::string_view, 8> kPieces = {
        "a", "\"", "\\", "\n", "\x01", "\xC3\xA9", "\xF0\x9F\x98\x80", "."};
    std::string made;
    while (random_() % 4 != 0) made += kPieces.at(random_() % kPieces.size());
    return made;
  }
  Skill skill() {
    Skill made{.name = text()};
    if (coin()) made.years = static_cast<int>(random_() % 61);
    return made;
  }

  std::mt19937_64 random_;
};

TEST(DescribeTest, RandomValuesComeBackAsTheyWere) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    const Everything thing = RandomThings(seed).everything();

    const JsonText text = encode(thing);
    const auto read_back = decode<Everything>(text);

    ASSERT_TRUE(JsonText::parse(text.str()).has_value()) << "seed " << seed;
    ASSERT_TRUE(read_back.has_value()) << "seed " << seed << read_back.error().to_string();
    ASSERT_EQ(*read_back, thing) << "seed " << seed;
  }
}

TEST(DescribeTest, UnknownMembersAreIgnored) {
  EXPECT_EQ(read<Ad>(R"({"title":"t","added_later":[1]})").value().title, "t");
}

TEST(DescribeTest, AbsentMembersKeepTheirDefaultsWhereTheyMay) {
  const auto ad = read<Ad>(R"({"title":"t"})").value();

  EXPECT_EQ(ad.pay, 5);
  EXPECT_EQ(ad.level, Level::senior);
  EXPECT_EQ(ad.skill, std::nullopt);
}

TEST(DescribeTest, MissingMemberIsNamed) {
  EXPECT_EQ(refusal("{}").find("\"title\" is missing"), 0U);
  EXPECT_EQ(refusal(R"({"title":"t","skill":{}})").find("\"skill.name\" is missing"), 0U);
}

TEST(DescribeTest, WrongKindIsNamedWithItsPath) {
  EXPECT_EQ(refusal("[]").find("the document must be an object"), 0U);
  EXPECT_EQ(refusal(R"({"title":1})").find("\"title\" must be a string"), 0U);
  EXPECT_EQ(refusal(R"({"title":null})").find("\"title\" must be a string, is null"), 0U);
  EXPECT_EQ(refusal(R"({"title":"t","pay":1.5})").find("\"pay\" must be an integer"), 0U);
  EXPECT_EQ(refusal(R"({"title":"t","marks":[1,"2"]})").find("\"marks[1]\" must be"), 0U);
  EXPECT_EQ(refusal(R"({"title":"t","ratio":true})").find("\"ratio\" must be a number"), 0U);
  EXPECT_EQ(refusal(R"({"title":"t","level":3})").find("\"level\" must be a string"), 0U);
}

TEST(DescribeTest, ValuesOutOfRangeAreNamed) {
  for (const char* pay :
       {"0", "11", "-5000000000", "5000000000", "9223372036854775808", "18446744073709551615"}) {
    const std::string message = refusal(R"({"title":"t","pay":)" + std::string(pay) + "}");
    EXPECT_EQ(message.find("\"pay\" is out of range"), 0U) << message;
  }
  EXPECT_EQ(refusal(R"({"title":"t","marks":[-1]})").find("\"marks[0]\" is out of range"), 0U);
  EXPECT_EQ(refusal(R"({"title":"t","skill":{"name":"","years":61}})")
                .find("\"skill.years\" is out of range"),
            0U);
  EXPECT_EQ(refusal(R"({"title":"t","ratio":1e300})").find("\"ratio\" is out of range"), 0U);
}

TEST(DescribeTest, BoundsThemselvesAreTaken) {
  EXPECT_EQ(read<Ad>(R"({"title":"t","pay":1})").value().pay, 1);
  EXPECT_EQ(read<Ad>(R"({"title":"t","pay":10.0})").value().pay, 10);
  EXPECT_EQ(read<Ad>(R"({"title":"t","marks":[0,1]})").value().marks.size(), 2U);
}

TEST(DescribeTest, TooManyElementsAreNamed) {
  EXPECT_EQ(refusal(R"({"title":"t","marks":[1,2,3]})").find("\"marks\" has more than 2"), 0U);
}

TEST(DescribeTest, UnknownEnumNameIsNamed) {
  EXPECT_EQ(refusal(R"({"title":"t","level":"boss"})").find("\"level\" is none"), 0U);
}

TEST(DescribeTest, PathLeadsThroughMapsAndArrays) {
  auto thing = JsonText::parse(encode(Everything()).str()).value().release();
  const std::string empty = R"("by_team":{})";
  thing.replace(thing.find(empty), empty.size(), R"("by_team":{"core":[{"name":"a"},{}]})");

  const auto read_back = read<Everything>(thing);

  ASSERT_FALSE(read_back.has_value());
  EXPECT_EQ(read_back.error().message().find("\"by_team.core[1].name\" is missing"), 0U);
}

TEST(DescribeTest, EnumNamesAreFoundBothWays) {
  EXPECT_EQ(enum_name(Level::senior), "senior");
  EXPECT_EQ(enum_name(static_cast<Level>(9)), "");
  EXPECT_EQ(enum_value<Level>("junior"), Level::junior);
  EXPECT_EQ(enum_value<Level>("Junior"), std::nullopt);
}

TEST(DescribeTest, SchemaIsStrict) {
  EXPECT_EQ(json_schema<Ad>().view(),
            R"({"type":"object","properties":{)"
            R"("title":{"type":"string","description":"headline"},)"
            R"("pay":{"type":"integer","minimum":1,"maximum":10},)"
            R"("marks":{"type":"array","items":{"type":"integer","minimum":0},"maxItems":2},)"
            R"("level":{"type":"string","enum":["junior","senior"]},)"
            R"("skill":{"type":["object","null"],"properties":{"name":{"type":"string"},)"
            R"("years":{"type":["integer","null"],"minimum":0,"maximum":60}},)"
            R"("required":["name","years"],"additionalProperties":false},)"
            R"("ratio":{"type":"number"}},)"
            R"("required":["title","pay","marks","level","skill","ratio"],)"
            R"("additionalProperties":false})");
}

TEST(DescribeTest, SchemaOfEveryTypeIsJson) {
  EXPECT_TRUE(JsonText::parse(json_schema<Everything>().str()).has_value());
}

TEST(DescribeTest, OptionalEnumMayBeNullInTheSchema) {
  const std::string schema = json_schema<Everything>().str();
  EXPECT_NE(
      schema.find(R"("maybe_level":{"type":["string","null"],"enum":["junior","senior",null]})"),
      std::string::npos);
}

}  // namespace
}  // namespace tests
}  // namespace rwp
