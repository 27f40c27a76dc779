// From names to weights: claims every tensor of a checkpoint for a role, checks every shape.
#pragma once

#include <string>

#include "checkpoint/open.h"
#include "model/decoder.h"
#include "model/families.h"

namespace tael {

// Borrows matrices from the checkpoint's mapping, copies vectors to float32, computes rope
// frequencies. Throws kCorrupt with every missing, misshaped, undecodable and unexpected tensor and
// every non-finite norm or bias in one message; defects of prediction blocks are only noted in
// DecoderWeights::prediction_problem. With `headers_only` no tensor's bytes are read:
// vectors are zeros.
DecoderWeights Bind(const DecoderSpec& spec, const Family& family, const Checkpoint& checkpoint,
                    bool headers_only = false);

}  // namespace tael
