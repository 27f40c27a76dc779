#include "model/matrices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tael {
namespace {

using testing::ElementsAre;

// What an indexer's heads count is float32 in every mode: a copy for integer products would only
// take memory.
TEST(Matrices, ThoseOfTheModeLeaveOutWhatIsAlwaysFloat32) {
  DecoderWeights weights;
  const auto numbered = [](int64_t n) { return Weight{.n = n}; };
  MlaWeights mla;
  mla.query_down = numbered(1);
  mla.query = numbered(2);
  mla.latent = numbered(3);
  mla.output = numbered(4);
  mla.indexer.query = numbered(5);
  mla.indexer.key = numbered(6);
  mla.indexer.head_weights = numbered(7);
  DenseFfnWeights ffn;
  ffn.gate = numbered(8);
  ffn.up = numbered(9);
  ffn.down = numbered(10);
  LayerWeights layer;
  layer.attention = mla;
  layer.ffn = ffn;
  weights.layers.push_back(layer);
  weights.head = numbered(11);

  std::vector<int64_t> all, of_mode, twice;
  ForEachMatrix(weights, [&](const Weight& w, ProductArithmetic arithmetic) {
    all.push_back(w.n);
    if (arithmetic == ProductArithmetic::kTwoTerms) twice.push_back(w.n);
  });
  for (const Weight& w : MatricesOfMode(weights)) of_mode.push_back(w.n);
  EXPECT_THAT(all, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  EXPECT_THAT(twice, ElementsAre(3, 6));
  EXPECT_THAT(of_mode, ElementsAre(1, 2, 3, 4, 5, 6, 8, 9, 10, 11));
}

}  // namespace
}  // namespace tael
