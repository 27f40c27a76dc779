#include "model/matrices.h"

#include <initializer_list>

namespace tael {
namespace {

class Visitor {
 public:
  explicit Visitor(const MatrixVisitor& visit) : visit_(visit) {}

  void operator()(const GqaWeights& w) const {
    Each({&w.q});
    Twice({&w.k, &w.v});
    Each({&w.o});
  }
  void operator()(const MlaWeights& w) const {
    Each({&w.query_down, &w.query});
    Twice({&w.latent});
    Each({&w.output, &w.indexer.query});
    Twice({&w.indexer.key});
    visit_(w.indexer.head_weights, ProductArithmetic::kAlwaysFloat32);
  }
  void operator()(const GatedDeltaNetWeights& w) const {
    Each({&w.qkvz, &w.qkv, &w.z});
    Twice({&w.ba, &w.b, &w.a});
    Each({&w.out});
  }
  void operator()(const CompressedWeights& w) const {
    Each({&w.query_down, &w.query});
    Twice({&w.shared});
    Each({&w.output});
    for (const Weight& group : w.output_down) Each({&group});
    for (const CompressorWeights* compressor : {&w.compressor, &w.index.compressor}) {
      Twice({&compressor->values, &compressor->gates});
    }
    Each({&w.index.query});
    visit_(w.index.head_weights, ProductArithmetic::kAlwaysFloat32);
  }
  void operator()(const DenseFfnWeights& w) const { Each({&w.gate, &w.up, &w.down}); }
  void operator()(const MoeFfnWeights& w) const {
    for (const DenseFfnWeights& expert : w.experts) (*this)(expert);
    (*this)(w.shared);
  }

 private:
  void Each(std::initializer_list<const Weight*> matrices) const {
    for (const Weight* matrix : matrices) visit_(*matrix, ProductArithmetic::kOfMode);
  }

  void Twice(std::initializer_list<const Weight*> matrices) const {
    for (const Weight* matrix : matrices) visit_(*matrix, ProductArithmetic::kTwoTerms);
  }

  const MatrixVisitor& visit_;
};

}  // namespace

void ForEachMatrix(const DecoderWeights& weights, const MatrixVisitor& visit) {
  const Visitor visitor(visit);
  for (const LayerWeights& layer : weights.layers) {
    std::visit(visitor, layer.attention);
    std::visit(visitor, layer.ffn);
  }
}

std::vector<Weight> MatricesOfMode(const DecoderWeights& weights) {
  std::vector<Weight> all;
  ForEachMatrix(weights, [&](const Weight& w, ProductArithmetic arithmetic) {
    if (arithmetic != ProductArithmetic::kAlwaysFloat32) all.push_back(w);
  });
  all.push_back(weights.head);
  return all;
}

}  // namespace tael
