// The reader of PEFT directories; part of lora.cc.
#pragma once

#include <string>

#include "checkpoint/lora.h"

namespace tael {

// As OpenLora(). REQUIRES: the directory has an adapter_config.json.
LoraFile OpenPeftLora(const std::string& directory);

}  // namespace tael
