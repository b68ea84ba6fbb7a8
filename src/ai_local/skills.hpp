#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai_local {

/// The dictionaries that are part of the library, tab separated: name, category, patterns.
std::string_view skills_data() noexcept;

/// A skill that the text names.
struct FoundSkill {
  std::string_view name{};
  /// technical, tools, methods, soft, domain or languages.
  std::string_view category{};
  /// How often it is named.
  std::size_t mentions = 0;
  /// Where it is named first.
  std::size_t position = 0;
};

/// Finds skills in a text, in one pass over it, whatever the dictionary's size.
///
/// A line is `name TAB category TAB patterns`; patterns are divided by `|`. One that begins with
/// `=` matches in exactly this case, one with `?` besides only where the text around it speaks of
/// skills
/// ("Go" is no skill in "Go to our page"); others match in any case, with a plural s, and with a
/// space for a hyphen. The name is a pattern itself unless it stands among them with a sign. Where
/// several patterns begin at one place, the longest counts; lines further up come before others.
/// Threads: safe to share. Lifetime: what it finds lives as long as the dictionary.
class SkillDictionary {
 public:
  explicit SkillDictionary(std::string_view data);

  /// Each skill once, by first mention. `text` is normalised.
  std::vector<FoundSkill> find(std::string_view text) const;

  std::size_t size() const noexcept { return skills_.size(); }
  /// Bytes held, roughly.
  std::size_t memory_bytes() const noexcept;

 private:
  enum class Rule : std::uint8_t { any_case, exact_case, in_context };

  struct Skill {
    std::string_view name{};
    std::string_view category{};
  };
  struct Pattern {
    std::string_view text{};
    std::uint32_t skill = 0;
    Rule rule = Rule::any_case;
  };
  struct Match;

  /// A node of the byte trie; children are linked so that a node takes 16 bytes.
  struct Node {
    std::uint32_t first_child = 0;
    std::uint32_t next_sibling = 0;
    /// The first of the patterns that end here, 1-based; they are chained by `next_pattern_`.
    std::uint32_t pattern = 0;
    char byte = 0;
  };

  void add_line(std::string_view line);
  void add_pattern(std::string_view text, std::uint32_t skill, Rule rule);
  std::uint32_t child(std::uint32_t node, char byte) const noexcept;
  void longest_matches(std::string_view text, std::string_view folded, std::size_t at, Match& sure,
                       Match& doubtful) const;
  std::vector<Match> all_matches(std::string_view text, std::string_view folded) const;

  std::string data_;
  std::vector<Skill> skills_;
  std::vector<Pattern> patterns_;
  std::vector<std::uint32_t> next_pattern_;
  std::vector<Node> nodes_;
  /// The nodes of the first two bytes: where nearly every walk ends.
  std::vector<std::uint32_t> roots_;
  std::vector<std::uint32_t> pairs_;
};

}  // namespace rwp::ai_local
