#include "ai_local/cv/tongues.hpp"

#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace rwp::ai_local {
namespace {

using Name = std::pair<std::string_view, std::string_view>;

constexpr auto kNames = std::to_array<Name>({
    Name{"english", "English"},
    Name{"englisch", "English"},
    Name{"anglais", "English"},
    Name{"inglés", "English"},
    Name{"engels", "English"},
    Name{"inglese", "English"},
    Name{"inglês", "English"},
    Name{"german", "German"},
    Name{"deutsch", "German"},
    Name{"allemand", "German"},
    Name{"alemán", "German"},
    Name{"duits", "German"},
    Name{"tedesco", "German"},
    Name{"alemão", "German"},
    Name{"french", "French"},
    Name{"französisch", "French"},
    Name{"français", "French"},
    Name{"francés", "French"},
    Name{"frans", "French"},
    Name{"francese", "French"},
    Name{"francês", "French"},
    Name{"spanish", "Spanish"},
    Name{"spanisch", "Spanish"},
    Name{"espagnol", "Spanish"},
    Name{"español", "Spanish"},
    Name{"castellano", "Spanish"},
    Name{"spaans", "Spanish"},
    Name{"spagnolo", "Spanish"},
    Name{"espanhol", "Spanish"},
    Name{"italian", "Italian"},
    Name{"italienisch", "Italian"},
    Name{"italien", "Italian"},
    Name{"italiano", "Italian"},
    Name{"italiaans", "Italian"},
    Name{"dutch", "Dutch"},
    Name{"niederländisch", "Dutch"},
    Name{"néerlandais", "Dutch"},
    Name{"neerlandés", "Dutch"},
    Name{"nederlands", "Dutch"},
    Name{"olandese", "Dutch"},
    Name{"portuguese", "Portuguese"},
    Name{"portugiesisch", "Portuguese"},
    Name{"portugais", "Portuguese"},
    Name{"portugués", "Portuguese"},
    Name{"português", "Portuguese"},
    Name{"portugees", "Portuguese"},
    Name{"polish", "Polish"},
    Name{"polnisch", "Polish"},
    Name{"polonais", "Polish"},
    Name{"polaco", "Polish"},
    Name{"pools", "Polish"},
    Name{"russian", "Russian"},
    Name{"russisch", "Russian"},
    Name{"russe", "Russian"},
    Name{"ruso", "Russian"},
    Name{"mandarin", "Mandarin"},
    Name{"chinese", "Mandarin"},
    Name{"chinesisch", "Mandarin"},
    Name{"chinois", "Mandarin"},
    Name{"cantonese", "Cantonese"},
    Name{"japanese", "Japanese"},
    Name{"japanisch", "Japanese"},
    Name{"japonais", "Japanese"},
    Name{"korean", "Korean"},
    Name{"arabic", "Arabic"},
    Name{"arabisch", "Arabic"},
    Name{"arabe", "Arabic"},
    Name{"árabe", "Arabic"},
    Name{"turkish", "Turkish"},
    Name{"türkisch", "Turkish"},
    Name{"turks", "Turkish"},
    Name{"hindi", "Hindi"},
    Name{"urdu", "Urdu"},
    Name{"punjabi", "Punjabi"},
    Name{"gujarati", "Gujarati"},
    Name{"bengali", "Bengali"},
    Name{"tamil", "Tamil"},
    Name{"kannada", "Kannada"},
    Name{"telugu", "Telugu"},
    Name{"malayalam", "Malayalam"},
    Name{"marathi", "Marathi"},
    Name{"malay", "Malay"},
    Name{"vietnamese", "Vietnamese"},
    Name{"thai", "Thai"},
    Name{"tagalog", "Tagalog"},
    Name{"swedish", "Swedish"},
    Name{"schwedisch", "Swedish"},
    Name{"norwegian", "Norwegian"},
    Name{"danish", "Danish"},
    Name{"dänisch", "Danish"},
    Name{"finnish", "Finnish"},
    Name{"greek", "Greek"},
    Name{"griechisch", "Greek"},
    Name{"romanian", "Romanian"},
    Name{"rumänisch", "Romanian"},
    Name{"hungarian", "Hungarian"},
    Name{"czech", "Czech"},
    Name{"tschechisch", "Czech"},
    Name{"ukrainian", "Ukrainian"},
    Name{"ukrainisch", "Ukrainian"},
    Name{"catalan", "Catalan"},
    Name{"catalán", "Catalan"},
    Name{"valenciano", "Catalan"},
    Name{"basque", "Basque"},
    Name{"welsh", "Welsh language"},
    Name{"irish", "Irish language"},
    Name{"gaeilge", "Irish language"},
    Name{"swahili", "Swahili"},
    Name{"yoruba", "Yoruba"},
    Name{"igbo", "Igbo"},
    Name{"somali", "Somali"},
    Name{"hebrew", "Hebrew"},
    Name{"persian", "Persian"},
    Name{"farsi", "Persian"},
    Name{"afrikaans", "Afrikaans"},
    Name{"british sign language", "British Sign Language"},
    Name{"bsl", "British Sign Language"},
});

}  // namespace

std::vector<std::string_view> find_tongues(std::string_view folded) {
  std::vector<std::string_view> found;
  for (const auto& [name, english] : kNames) {
    if (has_word(folded, name) && std::find(found.begin(), found.end(), english) == found.end()) {
      found.push_back(english);
    }
  }
  return found;
}

}  // namespace rwp::ai_local
