#include "runtime/train/masking.h"

namespace llc::train {

Result<TokenId> maskTokenOf(const Tokenizer &tokenizer) {
  if (tokenizer.maskId()) return *tokenizer.maskId();
  return diagnose(ErrorKind::invalidInput, "tokenizer")
      .says("has no mask token")
      .toFix("name it in tokenizer_config.json: \"mask_token\": \"[MASK]\"");
}

Result<data::Masking> maskingFor(const MaskingShares &shares, const Tokenizer &tokenizer, uint64_t seed) {
  LLC_ASSIGN(TokenId mask, maskTokenOf(tokenizer));
  if (shares.mask + shares.random > 1)
    return diagnose(ErrorKind::invalidInput, "trainer")
        .says(fmt::format("shares of {:g} and {:g} of the hidden tokens are more than all", shares.mask, shares.random))
        .toFix("give mask_replace_prob and random_replace_prob whose sum is at most 1");
  data::Masking masking{shares.probability, shares.mask, shares.random};
  masking.mask = mask;
  masking.vocabulary = int32_t(tokenizer.vocabularySize());
  masking.seed = seed;
  for (int32_t id = 0; id < masking.vocabulary; ++id) masking.special.push_back(tokenizer.isSpecial(id));
  for (std::optional<TokenId> id :
       {tokenizer.bosId(), tokenizer.eosId(), tokenizer.padId(), tokenizer.unknownId(), tokenizer.maskId()})
    if (id && *id < masking.vocabulary) masking.special[size_t(*id)] = true;
  return masking;
}

}  // namespace llc::train
