#include "spec/latent_form.h"

#include <variant>

#include "base/error.h"

namespace tael {
namespace {

// Calls fn(MlaSpec) for the layers that have one, that of predictions included.
template <typename Spec, typename Fn>
void ForEachLatent(Spec& spec, const Fn& fn) {
  for (auto& layer : spec.layers) {
    if (auto* mla = std::get_if<MlaSpec>(&layer.attention)) fn(*mla);
  }
  if (!spec.prediction_layer) return;
  if (auto* mla = std::get_if<MlaSpec>(&spec.prediction_layer->attention)) fn(*mla);
}

}  // namespace

void UseExpandedLatents(DecoderSpec* spec, const std::string& where) {
  if (!HasLatents(*spec)) {
    Fail(
        ErrorCode::kInvalidArgument,
        "{}: --mla expanded is for models with latent attention, and this one ({}) has none. Hint: "
        "leave it out",
        where, spec->family);
  }
  ForEachLatent(*spec, [&](MlaSpec& mla) {
    if (mla.indexer.has_value()) {
      Fail(ErrorCode::kUnsupported,
           "{}: layers select positions by an indexer, and --mla expanded is known for latent "
           "attention without one. Hint: use --mla absorbed",
           where);
    }
    if (mla.value_dim > mla.query_dim()) {
      Fail(ErrorCode::kUnsupported,
           "{}: values of {} elements per head are wider than keys of {}, and --mla expanded keeps "
           "them in rows of the keys' size. Hint: use --mla absorbed",
           where, mla.value_dim, mla.query_dim());
    }
    mla.expanded = true;
  });
}

bool HasExpandedLatents(const DecoderSpec& spec) {
  bool found = false;
  ForEachLatent(spec, [&](const MlaSpec& mla) { found = found || mla.expanded; });
  return found;
}

bool HasLatents(const DecoderSpec& spec) {
  bool found = false;
  ForEachLatent(spec, [&](const MlaSpec&) { found = true; });
  return found;
}

}  // namespace tael
