// Builds a tokenizer from a SentencePiece vocabulary, whichever file it came in.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/utf8.h"
#include "text/bpe.h"
#include "text/byte_alphabet.h"
#include "text/charsmap.h"
#include "text/formats.h"
#include "text/unigram.h"

namespace tael {
namespace {

constexpr std::string_view kMetaspace = "\xE2\x96\x81";

// SentencePiece's own normalisation: character map, blanks, dummy prefix, space to metaspace.
class PieceNormalizer : public NormalizerStep {
 public:
  PieceNormalizer(const SentencePieces& pieces, std::string_view where)
      : map_(pieces.charsmap, where),
        dummy_prefix_(pieces.add_dummy_prefix),
        prefix_after_special_(pieces.prefix_after_special),
        remove_extra_(pieces.remove_extra_whitespaces) {}

  void Apply(TrackedText& text, const SectionPlace& place) const override {
    TextBuilder builder(text);
    const std::string_view all = text.text;
    bool previous_space = remove_extra_;  // leading blanks go
    bool prefix = dummy_prefix_ && (place.first || (prefix_after_special_ && place.after_special));
    size_t pending = 0;  // blanks not written yet, so that trailing ones can be dropped
    for (size_t i = 0; i < all.size();) {
      size_t length = static_cast<size_t>(DecodeUtf8(all, i).length);
      std::string_view normal = all.substr(i, length);
      if (const auto match = map_.Longest(all.substr(i))) {
        length = match->length;
        normal = match->replacement;
      }
      for (size_t k = 0; k < normal.size();) {
        const size_t size =
            std::min(static_cast<size_t>(DecodeUtf8(normal, k).length), normal.size() - k);
        const std::string_view one = normal.substr(k, size);
        k += size;
        if (one == " ") {
          if (previous_space && remove_extra_) continue;
          ++pending;
          previous_space = true;
          continue;
        }
        previous_space = false;
        if (prefix) builder.Write(kMetaspace, i, i);
        prefix = false;
        for (; pending > 0; --pending) builder.Write(kMetaspace, i, i);
        builder.Write(one, i, i + length);
      }
      i += length;
    }
    if (!remove_extra_ && pending > 0) {
      if (prefix) builder.Write(kMetaspace, all.size(), all.size());
      for (; pending > 0; --pending) builder.Write(kMetaspace, all.size(), all.size());
    }
    text = builder.Take();
  }

 private:
  CharsMap map_;
  bool dummy_prefix_, prefix_after_special_, remove_extra_;
};

// Rank of every piece that may come out of a merge: best score first, equal scores equal ranks.
std::vector<uint32_t> RankByScore(const SentencePieces& pieces) {
  std::vector<double> sorted;
  const auto merges = [&](size_t i) {
    return pieces.types[i] == PieceType::kNormal || pieces.types[i] == PieceType::kUnused;
  };
  for (size_t i = 0; i < pieces.texts.size(); ++i) {
    if (merges(i)) sorted.push_back(pieces.scores[i]);
  }
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::vector<uint32_t> ranks(pieces.texts.size(), UINT32_MAX);
  for (size_t i = 0; i < pieces.texts.size(); ++i) {
    if (!merges(i)) continue;
    const auto place =
        std::lower_bound(sorted.begin(), sorted.end(), pieces.scores[i], std::greater<>());
    ranks[i] = static_cast<uint32_t>(place - sorted.begin());
  }
  return ranks;
}

std::optional<TokenId> UnknownId(const SentencePieces& pieces) {
  const auto found = std::find(pieces.types.begin(), pieces.types.end(), PieceType::kUnknown);
  if (found == pieces.types.end()) return std::nullopt;
  return static_cast<TokenId>(found - pieces.types.begin());
}

std::unique_ptr<TokenModel> MakeBpe(const SentencePieces& pieces, const Vocabulary& vocabulary) {
  SymbolTable symbols(vocabulary, false);
  MergeTable merges =
      MergesFromRanks({vocabulary, RankByScore(pieces), /*split_bytes=*/false}, symbols);
  BpeOptions options;
  options.byte_fallback = pieces.byte_fallback;
  options.fuse_unk = true;
  options.unk = UnknownId(pieces);
  auto model =
      std::make_unique<BpeModel>(vocabulary, std::move(symbols), std::move(merges), options);
  std::vector<TokenId> unused;
  for (size_t i = 0; i < pieces.types.size(); ++i) {
    if (pieces.types[i] == PieceType::kUnused) unused.push_back(static_cast<TokenId>(i));
  }
  model->ExpandUnused(unused);
  return model;
}

std::unique_ptr<TokenModel> MakeUnigram(SentencePieces& pieces, const Vocabulary& vocabulary) {
  UnigramOptions options;
  for (size_t i = 0; i < pieces.types.size(); ++i) {
    const PieceType type = pieces.types[i];
    if (type != PieceType::kNormal) options.excluded.push_back(static_cast<TokenId>(i));
    // Only normal pieces say how bad an unknown character is.
    if (type != PieceType::kNormal && type != PieceType::kUnused) pieces.scores[i] = 0;
  }
  options.scores = std::move(pieces.scores);
  options.byte_fallback = pieces.byte_fallback;
  options.unk = UnknownId(pieces);
  return std::make_unique<UnigramModel>(vocabulary, std::move(options));
}

}  // namespace

bool IsHarmlessToken(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = DecodeUtf8(text, i);
    if (point.value != 0x2581 && (unicode::ClassOf(point.value) & unicode::kSpace) == 0) {
      return false;
    }
    i += static_cast<size_t>(point.length);
  }
  return !text.empty();
}

TokenizerParts PartsFromPieces(SentencePieces pieces, std::string_view where) {
  TokenizerParts parts;
  parts.where = where;
  const size_t count = pieces.texts.size();
  if (count == 0 || pieces.scores.size() != count || pieces.types.size() != count) {
    Fail(ErrorCode::kCorrupt, "{}: {} pieces, {} scores, {} types; needed as many of each", where,
         count, pieces.scores.size(), pieces.types.size());
  }
  parts.vocabulary->Reserve(count, count * 8);
  std::vector<AddedToken> added;
  for (size_t i = 0; i < count; ++i) {
    const auto id = static_cast<TokenId>(std::min<size_t>(i, Vocabulary::kMaxId + 1));
    if (!std::isfinite(pieces.scores[i])) {
      Fail(ErrorCode::kCorrupt, "{}: piece {} has no finite score", where, i);
    }
    parts.vocabulary->Set(id, pieces.texts[i], where);
    const PieceType type = pieces.types[i];
    if (type == PieceType::kByte && ParseByteToken(pieces.texts[i]) < 0) {
      Fail(ErrorCode::kCorrupt, "{}: byte piece {} is spelled '{}', needed '<0xHH>'", where, i,
           pieces.texts[i].substr(0, 100));
    }
    pieces.byte_fallback = pieces.byte_fallback || type == PieceType::kByte;
    if (type == PieceType::kControl || type == PieceType::kUserDefined ||
        type == PieceType::kUnknown) {
      AddedToken token;
      token.id = id;
      token.content = pieces.texts[i];
      token.special = type != PieceType::kUserDefined;
      token.harmless = type == PieceType::kUserDefined && IsHarmlessToken(token.content);
      token.normalized = token.harmless;  // spelled with metaspaces, so after normalisation
      added.push_back(std::move(token));
    }
  }
  parts.normalizer.push_back(std::make_unique<PieceNormalizer>(pieces, where));
  parts.decoder = MakeSentencePieceDecoder(true, pieces.add_dummy_prefix);
  parts.added = AddedTokens(std::move(added), parts.normalizer, where);
  parts.model =
      pieces.unigram ? MakeUnigram(pieces, *parts.vocabulary) : MakeBpe(pieces, *parts.vocabulary);
  return parts;
}

}  // namespace tael
