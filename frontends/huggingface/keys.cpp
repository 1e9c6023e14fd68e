#include "frontends/huggingface/keys.h"

namespace llc::huggingface {

void readSharedKeys(dsl::Config &config) {
  // About the file and who wrote it.
  config.irrelevant({"architectures", "model_type", "transformers_version", "_name_or_path", "name_or_path",
                     "_commit_hash", "auto_map", "custom_pipelines", "unsloth_*", "tokenizer_class", "prefix",
                     "language", "license"});
  // The element type of the weights is what the files hold.
  config.irrelevant({"dtype", "torch_dtype", "use_bfloat16"});
  // How the reference implementation runs, not what it computes.
  config.irrelevant({"use_cache",
                     "attn_implementation",
                     "_attn_implementation*",
                     "_experts_implementation",
                     "use_flash_attn*",
                     "_flash_attn_2_enabled",
                     "pretraining_tp",
                     "torchscript",
                     "return_dict",
                     "use_return_dict",
                     "output_attentions",
                     "output_hidden_states",
                     "gradient_checkpointing",
                     "chunk_size_feed_forward",
                     "pruned_heads",
                     "cache_implementation",
                     "keys_to_ignore_at_inference",
                     "use_mup",
                     "is_decoder",
                     "tf_legacy_loss"});
  // Training only.
  config.irrelevant({"initializer_range", "*_dropout", "*_pdrop", "dropout", "z_loss_*"});
  // Other heads' business, and generation's (read from generation_config.json and here by readGeneration).
  config.irrelevant({"id2label",
                     "label2id",
                     "num_labels",
                     "problem_type",
                     "finetuning_task",
                     "task_specific_params",
                     "classifier_dropout",
                     "*_token_id",
                     "temperature",
                     "top_k",
                     "top_p",
                     "typical_p",
                     "repetition_penalty",
                     "length_penalty",
                     "no_repeat_ngram_size",
                     "encoder_no_repeat_ngram_size",
                     "bad_words_ids",
                     "num_return_sequences",
                     "max_length",
                     "min_length",
                     "do_sample",
                     "early_stopping",
                     "num_beams",
                     "num_beam_groups",
                     "diversity_penalty",
                     "output_scores",
                     "return_dict_in_generate",
                     "remove_invalid_values",
                     "exponential_decay_length_penalty",
                     "suppress_tokens",
                     "begin_suppress_tokens",
                     "model_max_length"});
  if (config.has("quantization_config"))
    config.refuse("quantization_config", "the checkpoint is quantized, which is not supported yet",
                  "use the repository that holds the same model in bf16, f16 or f32");
  for (const char *key : {"is_encoder_decoder", "add_cross_attention", "tie_encoder_decoder"})
    if (config.has(key) && config.boolean(key, false))
      config.refuse(key, "encoder-decoder models are not supported", "use a decoder-only model");
  config.irrelevant(
      {"is_encoder_decoder", "add_cross_attention", "tie_encoder_decoder", "cross_attention_hidden_size"});
}

}  // namespace llc::huggingface
