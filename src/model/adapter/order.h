// Rows and columns that Hugging Face and GGUF store in different orders.
#pragma once

#include <vector>

#include "checkpoint/open.h"
#include "model/places.h"
#include "spec/decoder_spec.h"

namespace tael {

// Which orders a checkpoint or an adapter uses.
struct StoredOrder {
  bool interleaved_qk = false;     // of q and k (model/qk_order.h)
  bool tiled_value_heads = false;  // of delta nets: head j reads key head j mod key heads
};

class AdapterOrder {
 public:
  // `spec` must outlive this.
  AdapterOrder(const DecoderSpec& spec, const StoredOrder& adapter, const StoredOrder& base)
      : spec_(spec), adapter_(adapter), base_(base) {}

  // Rows of B (or one number for each row) and columns of A in the base's order.
  std::vector<float> Rows(const TensorPlace& place, std::vector<float> values, int64_t width) const;
  std::vector<float> Columns(const TensorPlace& place, std::vector<float> a, int64_t rank) const;
  // Whether a matrix has its rows or columns elsewhere in the base.
  bool Differs(const TensorPlace& place) const;
  // Whether it does in a way that is not known here.
  bool IsUnknown(const TensorPlace& place) const;

 private:
  bool HasQkRows(const TensorPlace& place) const;
  const GatedDeltaNetSpec* DeltaNetOf(const TensorPlace& place) const;

  const DecoderSpec& spec_;
  StoredOrder adapter_, base_;
};

}  // namespace tael
