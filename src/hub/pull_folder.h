// Where a model is put together before it appears in the store.
#pragma once

#include <string>

#include "hub/pulled_model.h"

namespace tael {

// STORE/.pull/NAME with a lock: one process at a time. What is in it stays when its owner is
// killed, and serves the next one. Names with a dot in front are no models to anybody who looks for
// some.
class PullFolder {
 public:
  // Throws kUnavailable when another process has it, or it cannot be made.
  PullFolder(const std::string& store, const std::string& name);
  ~PullFolder();  // gives the lock back
  PullFolder(const PullFolder&) = delete;
  PullFolder& operator=(const PullFolder&) = delete;

  std::string files() const;    // the folder that becomes the model's
  std::string journal() const;  // a file beside it

  // Removes all that is below files() and not in `model`, writes the note, and puts the folder into
  // its place in one step; one that is there already is exchanged and removed. Then this folder is
  // gone. Throws kUnavailable; then the store is as it was.
  void Install(const PulledModel& model);
  // All of it.
  void Discard();

 private:
  std::string store_, path_;
  int lock_ = -1;
};

// Where PullFolder of that name lies, whether it exists or not.
std::string PullFolderPath(const std::string& store, const std::string& name);

// Takes a model out of the store: first out of sight, then off the disk. Throws kUnavailable.
void RemoveFromStore(const std::string& store, const std::string& path);

}  // namespace tael
