#include "ai_local/cv/lexicon.hpp"
#include "ai_local/cv/name_list.hpp"
#include "ai_local/text.hpp"

namespace rwp::ai_local {
namespace {

constexpr std::string_view kLegalForms =
    "|ltd|ltd.|limited|plc|llp|llc|inc|inc.|corp|corp.|corporation|gmbh|ag|kg|se|e.v.|ohg|ug|"
    "s.a.|sa|s.a|s.l.|s.l|sl|sarl|sas|s.r.l.|srl|s.p.a.|spa|b.v.|bv|b.v|n.v.|nv|pty|pte|pvt|"
    "pvt.|ab|oy|a/s|aps|co.|company|& co|& sons|";

constexpr std::string_view kEmployerWords =
    "|hospital|trust|council|university|college|school|academy|group|holdings|agency|bank|"
    "clinic|infirmary|care home|nursing home|home care|surgery|practice|pharmacy|hotel|"
    "restaurant|auberge|hôtel|café|coffee|supermarket|stores|store|foundation|institute|"
    "ministry|department of|government|nhs|association|society|church|charity|partners|"
    "associates|solutions|systems|technologies|services|consulting|labs|studio|studios|media|"
    "network|logistics|logistik|constructions|construction|insurance|health|energy|telecom|"
    "digital|recruitment|haulage|storage|retail|deanery|lawyers|legal centre|railways|"
    "airlines|instruments|industries|engineering ltd|payments|analytics|freight|shipping|"
    "books|cycles|klinik|klinikum|krankenhaus|universität|stadt|verein|zorggroep|ziekenhuis|"
    "gemeente|clínica|ayuntamiento|banco|mairie|clinique|centre hospitalier|lycée|harriers|"
    "rfc|fc|library|museum|theatre|police|army|navy|";

constexpr std::string_view kSchools =
    "|university|college|school|academy|institute|institution|polytechnic|faculty|"
    "conservatoire|universität|hochschule|fachhochschule|gymnasium|realschule|berufsschule|"
    "université|lycée|école|iut|universidad|instituto|colegio|escuela|universiteit|"
    "hogeschool|università|universidade|politecnico|vidyalaya|ysgol|coleg|business school|"
    "law school|medical school|open university|high school|grammar school|sixth form|iit|eth|"
    "tafe|royal college|";

/// Towns, states and countries that CVs name most.
constexpr std::string_view kPlaces =
    "|aberdeen|adelaide|amsterdam|ann arbor|antwerp|athens|atlanta|auckland|austin|australia|"
    "austria|bangalore|barcelona|basel|bath|belfast|belgium|bengaluru|berlin|bern|bilbao|"
    "birmingham|bologna|bonn|bordeaux|boston|bradford|bremen|brighton|brisbane|bristol|"
    "bruges|brussels|bucharest|budapest|calgary|california|cambridge|canada|canberra|cardiff|"
    "charlotte|chennai|chester|chicago|christchurch|cologne|colorado|copenhagen|cork|"
    "cornwall|coventry|dallas|darwin|delhi|den haag|denmark|denver|derby|derry|detroit|"
    "dortmund|dresden|dubai|dublin|dundee|dunedin|durham|düsseldorf|edinburgh|edmonton|"
    "eindhoven|england|essen|exeter|finland|florence|florida|france|frankfurt|freiburg|"
    "galway|geneva|genève|genoa|germany|ghent|glasgow|gloucester|gothenburg|graz|greece|"
    "grenoble|groningen|halifax|hamburg|hamilton|hannover|heidelberg|helsinki|hobart|"
    "hong kong|houston|hull|hyderabad|india|inverness|ipswich|ireland|italy|jakarta|"
    "karlsruhe|kiel|köln|kolkata|kraków|kuala lumpur|lagos|lancaster|leeds|leicester|leipzig|"
    "lille|limerick|lincoln|lisboa|lisbon|liverpool|london|los angeles|luxembourg|lyon|"
    "madrid|málaga|malaysia|malmö|manchester|mannheim|marseille|melbourne|miami|milan|milano|"
    "milton keynes|minneapolis|montpellier|montréal|montreal|mumbai|munich|münchen|münster|"
    "nairobi|nantes|naples|netherlands|new jersey|new york|new zealand|newcastle|"
    "newcastle upon tyne|newport|nice|norway|norwich|nottingham|nürnberg|ohio|ontario|oslo|"
    "ottawa|oxford|paris|perth|peterborough|philadelphia|phoenix|pittsburgh|plymouth|poland|"
    "porto|portland|portsmouth|portugal|prague|preston|pune|queensland|québec|reading|rennes|"
    "rome|roma|rotterdam|salford|salzburg|san diego|san francisco|san jose|scotland|seattle|"
    "sevilla|seville|sheffield|singapore|south africa|southampton|spain|españa|stockholm|"
    "stoke-on-trent|strasbourg|stuttgart|sunderland|sussex|swansea|sweden|switzerland|sydney|"
    "tampa|tasmania|texas|the hague|tokyo|toronto|toulouse|turin|turku|united kingdom|uk|"
    "united states|usa|utrecht|valencia|vancouver|venice|victoria|vienna|wien|wales|warsaw|"
    "washington|waterford|wellington|winnipeg|wolverhampton|worcester|york|yorkshire|"
    "zaragoza|zürich|zurich|";

}  // namespace

int looks_like_employer(std::string_view folded) {
  return 3 * count_names(folded, kLegalForms) + 2 * count_names(folded, kEmployerWords);
}

bool looks_like_school(std::string_view folded) {
  if (count_names(folded, kSchools) > 0) return true;
  // "Schiller-Gymnasium", "Musterhochschule".
  for (const std::string_view part : {"gymnasium", "hochschule", "universit", "schule"}) {
    if (folded.find(part) != std::string_view::npos) return true;
  }
  return false;
}

bool is_known_place(std::string_view folded) {
  if (folded.empty() || folded.find('|') != std::string_view::npos) return false;
  bool known = false;
  each_name(kPlaces, [&](std::string_view place) {
    known = place == folded;
    return !known;
  });
  return known;
}

}  // namespace rwp::ai_local
