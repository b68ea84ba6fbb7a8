#include "ai_local/words.hpp"

#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace rwp::ai_local {
namespace {

constexpr auto kStopwords = std::to_array<std::string_view>(
    {"a",        "able",       "about",     "above",      "across",    "after",   "again",
     "against",  "all",        "almost",    "along",      "already",   "also",    "although",
     "always",   "am",         "among",     "an",         "and",       "another", "any",
     "anyone",   "anything",   "are",       "around",     "as",        "ask",     "at",
     "away",     "back",       "based",     "be",         "became",    "because", "become",
     "been",     "before",     "behind",    "being",      "below",     "best",    "better",
     "between",  "beyond",     "both",      "but",        "by",        "came",    "can",
     "cannot",   "come",       "could",     "day",        "days",      "did",     "different",
     "do",       "does",       "doing",     "done",       "down",      "during",  "each",
     "either",   "else",       "enough",    "ensure",     "ensuring",  "etc",     "even",
     "ever",     "every",      "everyone",  "everything", "few",       "find",    "first",
     "five",     "for",        "four",      "from",       "full",      "further", "gain",
     "get",      "gets",       "give",      "given",      "go",        "goes",    "going",
     "good",     "got",        "great",     "had",        "has",       "have",    "having",
     "he",       "help",       "her",       "here",       "hers",      "high",    "him",
     "his",      "hour",       "hours",     "how",        "however",   "i",       "if",
     "in",       "including",  "into",      "is",         "it",        "it's",    "its",
     "itself",   "just",       "keep",      "know",       "known",     "large",   "last",
     "least",    "less",       "let",       "like",       "little",    "long",    "look",
     "lot",      "made",       "main",      "make",       "makes",     "making",  "many",
     "may",      "me",         "might",     "month",      "months",    "more",    "most",
     "much",     "must",       "my",        "need",       "needs",     "neither", "never",
     "new",      "next",       "no",        "nor",        "not",       "nothing", "now",
     "of",       "off",        "often",     "on",         "once",      "one",     "only",
     "onto",     "or",         "other",     "others",     "our",       "ours",    "out",
     "over",     "own",        "part",      "per",        "please",    "plus",    "provide",
     "provided", "provides",   "providing", "quite",      "rather",    "really",  "right",
     "same",     "see",        "several",   "shall",      "she",       "should",  "since",
     "so",       "some",       "something", "soon",       "still",     "such",    "sure",
     "take",     "takes",      "than",      "that",       "that's",    "the",     "their",
     "them",     "themselves", "then",      "there",      "therefore", "these",   "they",
     "thing",    "things",     "this",      "those",      "three",     "through", "throughout",
     "thus",     "to",         "together",  "too",        "toward",    "towards", "two",
     "under",    "until",      "up",        "upon",       "us",        "use",     "used",
     "uses",     "using",      "usual",     "various",    "very",      "via",     "want",
     "was",      "way",        "we",        "we're",      "we've",     "week",    "weeks",
     "well",     "well-being", "were",      "what",       "when",      "where",   "whether",
     "which",    "while",      "who",       "whole",      "whom",      "whose",   "why",
     "will",     "with",       "within",    "without",    "would",     "year",    "years",
     "yes",      "yet",        "you",       "you'll",     "you're",    "you've",  "your",
     "yours",    "yourself"});

constexpr auto kFillers = std::to_array<std::string_view>(
    {"ability",     "address",      "advert",       "advertisement", "annual",
     "annum",       "applicant",    "applicants",   "application",   "applications",
     "apply",       "applying",     "appointed",    "appointment",   "appropriate",
     "area",        "areas",        "aspects",      "band",          "benefits",
     "candidate",   "candidates",   "career",       "careers",       "click",
     "closing",     "commitment",   "committed",    "company",       "competitive",
     "contact",     "current",      "date",         "deliver",       "delivering",
     "delivery",    "demonstrate",  "description",  "desirable",     "details",
     "develop",     "developing",   "development",  "directly",      "discuss",
     "diverse",     "due",          "duties",       "dynamic",       "email",
     "employee",    "employees",    "employer",     "employment",    "enjoy",
     "enquiries",   "enthusiastic", "essential",    "excellent",     "exceptional",
     "exciting",    "expected",     "experience",   "experienced",   "expertise",
     "fantastic",   "following",    "forward",      "friendly",      "fully",
     "highly",      "hold",         "holder",       "http",          "https",
     "ideal",       "ideally",      "include",      "includes",      "informal",
     "information", "innovative",   "interested",   "interesting",   "interview",
     "job",         "join",         "joining",      "keen",          "key",
     "knowledge",   "leave",        "level",        "live",          "looking",
     "meet",        "member",       "members",      "offer",         "offered",
     "offering",    "offers",       "office",       "open",          "opportunities",
     "opportunity", "organisation", "organization", "outstanding",   "package",
     "passionate",  "people",       "perks",        "person",        "phone",
     "plan",        "position",     "post",         "posts",         "previous",
     "pro",         "professional", "progressive",  "range",         "rata",
     "relevant",    "required",     "requirement",  "requirements",  "responsibilities",
     "responsible", "reward",       "rewarding",    "role",          "roles",
     "salary",      "seeking",      "self",         "service",       "services",
     "set",         "site",         "skilled",      "skills",        "sponsorship",
     "staff",       "standard",     "standards",    "start",         "strong",
     "successful",  "successfully", "suitable",     "support",       "supporting",
     "supportive",  "team",         "teams",        "telephone",     "time",
     "top",         "tremendous",   "trust",        "unique",        "url",
     "vacancy",     "vibrant",      "visit",        "website",       "welcome",
     "wide",        "work",         "worked",       "worker",        "workers",
     "working",     "world",        "www"});

static_assert(std::is_sorted(kStopwords.begin(), kStopwords.end()));
static_assert(std::is_sorted(kFillers.begin(), kFillers.end()));

/// How many bytes of a character that is no letter start here: a currency sign, a dash, an emoji.
std::size_t symbol_length(std::string_view text, std::size_t at) noexcept {
  switch (static_cast<unsigned char>(text[at])) {
    case 0xC2:
      return 2;
    case 0xE2:
      return 3;
    case 0xF0:
      return 4;
    default:
      return 0;
  }
}

/// Whether the character at `at` keeps two parts of a word together.
bool joins(std::string_view text, std::size_t at) noexcept {
  if (at + 1 >= text.size() || !is_word(text[at + 1]) || symbol_length(text, at + 1) > 0)
    return false;
  return std::string_view("-'&.").find(text[at]) != std::string_view::npos;
}

std::size_t word_end(std::string_view text, std::size_t at) noexcept {
  while (at < text.size()) {
    if (is_word(text[at]) && symbol_length(text, at) == 0) {
      ++at;
    } else if (joins(text, at)) {
      at += 2;
    } else {
      break;
    }
  }
  while (at < text.size() && (text[at] == '+' || text[at] == '#')) ++at;
  return at;
}

}  // namespace

std::vector<Word> split_words(std::string_view text, std::string_view folded) {
  std::vector<Word> words;
  words.reserve(text.size() / 6 + 1);
  bool after_break = true;
  for (std::size_t at = 0; at < text.size();) {
    if (const std::size_t symbol = symbol_length(text, at); symbol > 0) {
      at += symbol;
      after_break = true;
    } else if (is_word(text[at])) {
      const auto end = word_end(text, at);
      words.push_back({text.substr(at, end - at), folded.substr(at, end - at), after_break});
      after_break = false;
      at = end;
    } else {
      after_break = after_break || text[at] != ' ';
      ++at;
    }
  }
  return words;
}

bool is_stopword(std::string_view folded) noexcept {
  return std::binary_search(kStopwords.begin(), kStopwords.end(), folded);
}

bool is_filler(std::string_view folded) noexcept {
  return std::binary_search(kFillers.begin(), kFillers.end(), folded);
}

std::string_view stem(std::string_view folded) noexcept {
  constexpr std::size_t kShortest = 4;
  if (folded.ends_with("'s")) folded.remove_suffix(2);
  if (folded.size() >= kShortest && folded.ends_with('s') && !folded.ends_with("ss")) {
    folded.remove_suffix(1);
  }
  return folded;
}

}  // namespace rwp::ai_local
