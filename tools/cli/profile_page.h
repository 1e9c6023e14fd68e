// A profile as one HTML file that needs nothing else: flame graph, roofline plot, table.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace llc::cli {

// `profile`: as toJson() of runtime/serve/profile.h makes it.
std::string profilePage(const nlohmann::json &profile);

}  // namespace llc::cli
