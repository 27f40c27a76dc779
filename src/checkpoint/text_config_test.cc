// Configurations of multimodal models as those of their text models.
#include "checkpoint/text_config.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tael {
namespace {

Json Flat(const char* text) { return FlattenTextConfig(ParseJson(text, "test"), "test"); }

TEST(TextConfig, AConfigurationWithoutANestedOneStaysAsItIs) {
  const char* text = R"({"hidden_size": 8, "vision_config": {"depth": 1}})";
  EXPECT_EQ(Flat(text), ParseJson(text, "test"));
}

TEST(TextConfig, NestedKeysComeToTheTopAndOtherModalitiesGo) {
  const Json flat = Flat(R"({
    "architectures": ["Whole"], "model_type": "whole", "image_token_id": 5, "eos_token_id": 7,
    "vision_config": {"hidden_size": 3}, "tie_word_embeddings": false, "unknown_option": true,
    "text_config": {"model_type": "part", "hidden_size": 8, "tie_word_embeddings": false,
                    "eos_token_id": 2}})");
  EXPECT_EQ(flat.Find("architectures")->as_array()[0].as_string(), "Whole");
  EXPECT_EQ(flat.Find("model_type")->as_string(), "part");
  EXPECT_EQ(flat.Find("hidden_size")->as_int(), 8);
  EXPECT_EQ(flat.Find("eos_token_id")->as_int(), 7);
  EXPECT_EQ(flat.Find("vision_config"), nullptr);
  EXPECT_EQ(flat.Find("image_token_id"), nullptr);
  EXPECT_EQ(flat.Find("text_config"), nullptr);
  EXPECT_NE(flat.Find("unknown_option"), nullptr) << "left for the family to refuse";
}

TEST(TextConfig, WhatContradictsItselfIsRefusedByName) {
  try {
    Flat(R"({"tie_word_embeddings": true, "text_config": {"tie_word_embeddings": false}})");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
    EXPECT_NE(std::string(error.what()).find("tie_word_embeddings"), std::string::npos);
  }
  EXPECT_THROW(Flat(R"({"text_config": [1]})"), Error);
}

TEST(TextConfig, GemmaGetsTheDefaultsOfItsClass) {
  const Json flat = Flat(R"({"text_config": {"model_type": "gemma3_text", "head_dim": 128}})");
  EXPECT_EQ(flat.Find("num_attention_heads")->as_int(), 8);
  EXPECT_EQ(flat.Find("head_dim")->as_int(), 128);
  EXPECT_EQ(flat.Find("rope_theta")->as_double(), 1e6);
}

}  // namespace
}  // namespace tael
