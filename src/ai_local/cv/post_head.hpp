#pragma once

#include "ai_local/cv/posts.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai_local {

/// What the lines at the head of a post say, dates taken out: title, employer and place, in
/// whatever order, on one line or several. `employer` is that of the posts above, for a head that
/// names none. Fills title, employer and location.
void read_post_head(const std::vector<std::string>& lines, std::string_view employer, CvPost& post);

/// The value of a line such as "Position: Staff Nurse" goes to its place; whether it was one.
bool read_post_label(std::string_view text, CvPost& post);

}  // namespace rwp::ai_local
