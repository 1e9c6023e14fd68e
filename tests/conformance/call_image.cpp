#include "tests/conformance/call_image.h"

#include <sched.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

namespace llc::conformance {
namespace {
using nlohmann::json;

json toJson(std::vector<Block> &blocks) {
  json list = json::array();
  for (Block &block : blocks) list.push_back(json::binary({block.bytes().begin(), block.bytes().end()}));
  return list;
}
std::vector<Block> toBlocks(const json &list) {
  std::vector<Block> blocks;
  for (const json &item : list) blocks.emplace_back(std::span<const unsigned char>(item.get_binary()));
  return blocks;
}
}  // namespace

Block::Block(std::span<const unsigned char> content) : Block(content.size(), 0) {
  if (!content.empty()) std::memcpy(data(), content.data(), content.size());
}

void CallImage::run(llc_entry code, const Manifest &manifest, const void *const *parameters) {
  size_t scratchBytes = (manifest.scratchBytes + 63) / 64 * 64;
  Block arena(manifest.arenaBytes, poison), scratch(scratchBytes * size_t(threads), poison);
  std::vector<const void *> inputPointers;
  std::vector<void *> outputPointers, cachePointers;
  for (Block &block : inputs) inputPointers.push_back(block.data());
  for (Block &block : outputs) outputPointers.push_back(block.data());
  for (Block &block : caches) cachePointers.push_back(block.data());
  std::vector<int32_t> zeros(size_t(tokens + rows), 0);
  llc_batch batch{};
  batch.tokens = tokens, batch.sequences = int64_t(contexts.size()), batch.rows = rows;
  batch.token_ids = batch.wanted_rows = batch.targets = zeros.data();
  batch.positions = positions.data(), batch.sequence_of = sequenceOf.data(), batch.sequence_starts = starts.data();
  batch.context_lengths = contexts.data(), batch.sequence_lengths = lengths.data();
  batch.page_table = pages.data(), batch.page_stride = pagesOfSequence;
  int64_t sizes[] = {batch.tokens, batch.rows, batch.sequences};
  llc_sync sync{};
  llc_context context{};
  context.abi_version = LLC_ABI_VERSION;
  context.arena = arena.data(), context.scratch = scratch.data(), context.scratch_stride = int64_t(scratchBytes);
  context.parameters = parameters, context.caches = cachePointers.data(), context.batch = &batch;
  context.inputs = inputPointers.data(), context.outputs = outputPointers.data();
  context.sizes = sizes, context.sync = &sync;
  context.relax = [](llc_context *) { sched_yield(); };
  std::vector<std::thread> team;
  for (int t = 1; t < threads; ++t) team.emplace_back([&, t] { code(&context, t, threads); });
  code(&context, 0, threads);
  for (std::thread &thread : team) thread.join();
}

std::string toBytes(std::vector<CallImage> &calls) {
  json list = json::array();
  for (CallImage &call : calls)
    list.push_back({{"entry", call.entry},
                    {"threads", call.threads},
                    {"tokens", call.tokens},
                    {"rows", call.rows},
                    {"positions", call.positions},
                    {"sequence_of", call.sequenceOf},
                    {"starts", call.starts},
                    {"contexts", call.contexts},
                    {"lengths", call.lengths},
                    {"pages", call.pages},
                    {"inputs", toJson(call.inputs)},
                    {"outputs", toJson(call.outputs)},
                    {"caches", toJson(call.caches)}});
  std::vector<uint8_t> bytes = json::to_cbor(list);
  return {bytes.begin(), bytes.end()};
}

std::vector<CallImage> fromBytes(std::string_view bytes) {
  std::vector<CallImage> calls;
  for (const json &item : json::from_cbor(bytes)) {
    CallImage &call = calls.emplace_back();
    item.at("entry").get_to(call.entry);
    item.at("threads").get_to(call.threads);
    item.at("tokens").get_to(call.tokens);
    item.at("rows").get_to(call.rows);
    item.at("positions").get_to(call.positions);
    item.at("sequence_of").get_to(call.sequenceOf);
    item.at("starts").get_to(call.starts);
    item.at("contexts").get_to(call.contexts);
    item.at("lengths").get_to(call.lengths);
    item.at("pages").get_to(call.pages);
    call.inputs = toBlocks(item.at("inputs"));
    call.outputs = toBlocks(item.at("outputs")), call.caches = toBlocks(item.at("caches"));
  }
  return calls;
}

}  // namespace llc::conformance
