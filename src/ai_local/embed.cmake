# Writes the text files INPUTS (comma separated), one after another, into a C++ source OUTPUT.
string(REPLACE "," ";" inputs "${INPUTS}")
set(literals "")
foreach(input IN LISTS inputs)
  file(READ "${input}" content)
  string(LENGTH "${content}" length)
  set(at 0)
  while(at LESS length)
    string(SUBSTRING "${content}" ${at} 12000 piece)
    string(APPEND literals "R\"tsv(${piece})tsv\"\n")
    math(EXPR at "${at} + 12000")
  endwhile()
endforeach()
file(WRITE "${OUTPUT}"
  "#include \"ai_local/skills.hpp\"\n\nnamespace rwp::ai_local {\n\n"
  "std::string_view skills_data() noexcept {\n  static constexpr std::string_view kData =\n${literals};\n"
  "  return kData;\n}\n\n}  // namespace rwp::ai_local\n")
