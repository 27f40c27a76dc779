// Mirostat: keeps the surprise of the text near a target by feedback.
// Source: Basu et al., arXiv:2007.14966 (version 1: algorithm 1 with the Zipf estimate of k;
// version 2: the authors' simpler cut by surprise).
#pragma once

#include "engine/sampling/candidates.h"

namespace tael {

// The state of one sequence. Surprises are in bits and refer to the distribution before the cut.
class Mirostat {
 public:
  // `version` is 1 or 2; mu starts at 2 * tau.
  Mirostat(int version, float tau, float eta) : version_(version), tau_(tau), eta_(eta) {}

  struct Pick {
    TokenId id = 0;
    double surprise = 0;
  };
  // Draws with `uniform` in [0, 1) from the candidates that mu leaves.
  Pick Draw(Candidates& candidates, double uniform) const;

  // Feedback of the accepted token: mu -= eta * (surprise - tau).
  void Observe(double surprise) { mu_ -= eta_ * (surprise - tau_); }

  double mu() const { return mu_; }

 private:
  int version_;
  double tau_, eta_;
  double mu_ = 2 * tau_;
};

}  // namespace tael
