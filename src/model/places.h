// The way back from a tensor's name to what it is for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "checkpoint/open.h"
#include "checkpoint/tensor_index.h"
#include "model/families.h"

namespace tael {

// A role with the numbers that its name carries; 0 where it has none.
struct TensorPlace {
  Role role = Role::kEmbedding;
  int layer = 0, expert = 0;
  bool operator==(const TensorPlace&) const = default;
};

// What `family` calls `name` in this container (llama2.c has Hugging Face's names); nullopt when it
// has no such name.
std::optional<TensorPlace> PlaceOf(std::string_view name, const Family& family,
                                   Container container);

// The rule that `family` uses for a role: its own, else that of kLlamaNames, else nullptr.
const NameRule* RuleOf(const Family& family, Role role);

// The rule's name for a place; "" where the container has none.
std::string NameOf(const Family& family, const TensorPlace& place, Container container);

// The name of a text model's tensor where a multimodal checkpoint holds it: beside the parts for
// other modalities, in one of two spellings. The same name in other checkpoints.
std::string WrappedName(const TensorIndex& tensors, std::string name);
// The way back: both spellings become the text model's own.
std::string UnwrappedName(const std::string& name);

}  // namespace tael
