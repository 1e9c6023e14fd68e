// The compression of pages.
#pragma once
#include "runtime/corpus/parquet/metadata.h"

namespace llc::corpus::parquet {

// Fills `out` exactly. Else says why not.
std::string decompress(Codec codec, Bytes in, std::span<uint8_t> out);
// Whether decompress() can; `none` included.
bool isKnown(Codec codec);

// https://github.com/google/snappy/blob/main/format_description.txt. False when `in` does not hold exactly out.size()
// bytes.
bool decompressSnappy(Bytes in, std::span<uint8_t> out);

}  // namespace llc::corpus::parquet
