// safetensors files: whatever the bytes, parsing ends with tensors that lie inside the file or with an error.
#include <cstdlib>

#include "runtime/formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::span<const std::byte> file(reinterpret_cast<const std::byte *>(data), size);
  std::map<std::string, std::string> metadata;
  auto tensors = llc::parseSafeTensors(file, "fuzz", &metadata);
  if (!tensors) {
    if (tensors.error().remedy.empty() || tensors.error().text().empty()) abort();
    return 0;
  }
  for (const llc::TensorView &tensor : *tensors) {
    uint64_t elements = 1;
    for (int64_t dimension : tensor.shape) elements *= uint64_t(dimension);
    if (elements * llc::byteSize(tensor.type) != tensor.bytes.size()) abort();
    if (tensor.offset > size || tensor.bytes.size() > size - tensor.offset) abort();
    // Touches the first and last element: a view outside the file would be caught here.
    if (elements)
      llc::loadElement(tensor.bytes.data(), tensor.type, 0),
          llc::loadElement(tensor.bytes.data(), tensor.type, elements - 1);
  }
  return 0;
}
