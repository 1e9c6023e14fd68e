// NAME.manifest.json beside a dataset: where it came from, and checksums of its two files.
#pragma once
#include <nlohmann/json.hpp>

#include "runtime/data/dataset.h"

namespace llc::data {

std::string manifestPath(const DatasetPaths &paths);
// Adds sizes and SHA-256 of both files to `about` and writes it. Errors: those of reading and writing.
Status writeManifest(const DatasetPaths &paths, nlohmann::json about);
// Compares both files with it; success when there is none, and `*checked` says whether there was.
Status verifyManifest(const DatasetPaths &paths, bool *checked = nullptr);

}  // namespace llc::data
