#include "app/convert_check.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "model/convert/config.h"
#include "model/convert/metadata.h"
#include "model/convert/tensors.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

// Whose config.json has rope scaling of type llama3.
std::unique_ptr<Model> Llama3(const char* file = "") {
  return LoadModel(SourceRoot() + "/tests/golden/llama3" + file);
}

const Family& FamilyOf(const Model& model) {
  return *FindFamily(model.checkpoint.config.Strings("architectures")[0]);
}

// What the check of a conversion to GGUF says; `change` edits its tensors before.
template <typename Change>
std::string GgufProblem(const Model& model, const Change& change) {
  const GgufArch& arch = GgufArchOf(FamilyOf(model));
  ConvertedTensors converted = TensorsForGguf({model, FamilyOf(model)}, arch);
  change(converted.tensors);
  try {
    CheckGgufDescribes(model, GgufEntriesOf(model, arch, ""), converted.tensors);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void KeepAll(std::vector<TensorSource>&) {}

TensorSource& Find(std::vector<TensorSource>& tensors, std::string_view name) {
  for (TensorSource& tensor : tensors) {
    if (tensor.name == name) return tensor;
  }
  throw std::runtime_error("no such tensor");
}

TEST(CheckGgufDescribes, TakesDivisorsOfRopeAsTheReaderDoes) {
  EXPECT_EQ(GgufProblem(*Llama3(), KeepAll), "");
}

TEST(CheckGgufDescribes, RefusesRopeThatDiffersBetweenLayers) {
  for (const auto field : {&RopeSpec::factor, &RopeSpec::low_freq_factor,
                           &RopeSpec::high_freq_factor, &RopeSpec::original_context}) {
    const auto model = Llama3();
    RopeSpec& rope = std::get<GqaSpec>(model->spec.layers.back().attention).rope;
    rope.*field *= 1.25;
    std::get<GqaWeights>(model->weights.layers.back().attention).rope =
        ComputeRopeFrequencies(rope);
    const std::string problem = GgufProblem(*model, KeepAll);
    EXPECT_NE(problem.find("rope: other frequencies"), std::string::npos) << problem;
  }
}

TEST(CheckGgufDescribes, RefusesMissingOrOtherDivisors) {
  const auto model = Llama3();
  std::string problem = GgufProblem(*model, [](auto& tensors) {
    std::erase_if(tensors, [](const auto& t) { return t.name == "rope_freqs.weight"; });
  });
  EXPECT_NE(problem.find("rope: other frequencies"), std::string::npos) << problem;
  problem = GgufProblem(*model, [](auto& tensors) {
    TensorSource& divisors = Find(tensors, "rope_freqs.weight");
    divisors.produce = [size = divisors.shape[0]](const ByteSink& sink) {
      const std::vector<float> ones(static_cast<size_t>(size), 1.0f);
      sink({reinterpret_cast<const uint8_t*>(ones.data()), ones.size() * sizeof(float)});
    };
  });
  EXPECT_NE(problem.find("rope: other frequencies"), std::string::npos) << problem;
}

TEST(CheckGgufDescribes, RefusesShapesAndNamesThatTheKeysContradict) {
  const auto model = Llama3();
  const std::string shape = GgufProblem(*model, [](auto& tensors) {
    auto& sizes = Find(tensors, "output_norm.weight").shape;
    sizes.insert(sizes.begin(), 1);
  });
  EXPECT_NE(shape.find("'output_norm.weight' has shape"), std::string::npos) << shape;
  const std::string missing = GgufProblem(*model, [](auto& tensors) {
    std::erase_if(tensors, [](const auto& t) { return t.name == "blk.1.attn_q.weight"; });
  });
  EXPECT_NE(missing.find("missing tensor 'blk.1.attn_q.weight'"), std::string::npos) << missing;
}

TEST(CheckConfigDescribes, RefusesShapesThatTheConfigurationContradicts) {
  const auto model = Llama3("/model.gguf");
  ConvertedTensors converted = TensorsForSafetensors({*model, FamilyOf(*model)}, {}, DType::kF32);
  const Json config = HfConfigOf(*model);
  EXPECT_NO_THROW(CheckConfigDescribes(*model, config, converted.tensors));
  auto& sizes = Find(converted.tensors, "model.norm.weight").shape;
  sizes.insert(sizes.begin(), 1);
  try {
    CheckConfigDescribes(*model, config, converted.tensors);
    FAIL() << "was taken";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("'model.norm.weight' has shape [1, "), std::string::npos) << text;
  }
}

TEST(CheckConfigDescribes, AllowsTheKeysThatTheModelWasLoadedWith) {
  const auto model = Llama3("/model.gguf");
  const auto tensors = TensorsForSafetensors({*model, FamilyOf(*model)}, {}, DType::kF32).tensors;
  Json config = HfConfigOf(*model);
  config.Set("of_tomorrow", 1);
  EXPECT_THROW(CheckConfigDescribes(*model, config, tensors), Error);
  EXPECT_NO_THROW(CheckConfigDescribes(*model, config, tensors, {"of_tomorrow"}));
}

}  // namespace
}  // namespace tael
