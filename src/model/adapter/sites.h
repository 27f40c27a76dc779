// The matrices of a model that an adapter can change, found by the tensors that hold them.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "checkpoint/open.h"
#include "model/decoder.h"
#include "model/families.h"
#include "model/places.h"

namespace tael {

// Where a tensor's matrix lies, and the matrices of the network inside it: more than one where
// several are stored as one.
struct AdaptedMatrix {
  Weight all;
  std::vector<Weight> parts;  // by their first row

  // The first row of `part` in `all`.
  int64_t FirstRow(const Weight& part) const;
  // Whether the parts are all of it.
  bool IsCovered() const;
};

class AdapterSites {
 public:
  // Both must outlive this.
  AdapterSites(const DecoderWeights& weights, const Checkpoint& checkpoint, const Family& family);

  // nullopt: the model has no such matrix.
  std::optional<AdaptedMatrix> Find(const TensorPlace& place) const;

 private:
  struct InOrder {
    bool operator()(const MatrixKey& a, const MatrixKey& b) const;
  };

  std::string NameOf(const TensorPlace& place) const;
  std::optional<Weight> Whole(const std::string& name) const;
  std::optional<Weight> ExpertOf(const TensorPlace& place) const;
  std::vector<Weight> Inside(const Weight& all) const;

  const DecoderWeights& weights_;
  const Checkpoint& checkpoint_;
  Family family_;  // with the names that this checkpoint uses
  std::map<MatrixKey, Weight, InOrder> sites_;
};

}  // namespace tael
