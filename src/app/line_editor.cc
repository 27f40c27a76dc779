#include "app/line_editor.h"

#include <histedit.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstring>

#include "app/terminal.h"
#include "base/error.h"
#include "base/file.h"
#include "base/utf8.h"

namespace tael {

struct LineEditor::Impl {
  const InterruptScope* interrupt = nullptr;
  EditLine* editor = nullptr;  // null when stdin is no terminal
  History* history = nullptr;
  std::string history_file, prompt;
  std::string buffered;  // plain input that was read but not used yet
  bool ended = false;
};

namespace {

// libedit asks for one wide character at a time; Ctrl-C must end the wait.
int ReadCharacter(EditLine* editor, wchar_t* out) {
  void* data = nullptr;
  el_get(editor, EL_CLIENTDATA, &data);
  const auto* interrupt = static_cast<const InterruptScope*>(data);
  std::string bytes;
  while (true) {
    if (!interrupt->WaitReadable(STDIN_FILENO)) return -1;
    char byte = 0;
    const ssize_t got = read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) return 0;
    bytes.push_back(byte);
    if (IncompleteUtf8Suffix(bytes) == static_cast<int>(bytes.size())) continue;
    *out = static_cast<wchar_t>(DecodeUtf8(bytes, 0).value);
    return 1;
  }
}

void UseUtf8() {
  const char* locale = std::setlocale(LC_CTYPE, "");
  if (locale == nullptr || std::strstr(locale, "UTF-8") == nullptr) {
    std::setlocale(LC_CTYPE, "C.UTF-8");
  }
}

LineEditor::Input Plain(std::string& buffered, bool& ended, const InterruptScope& interrupt) {
  while (true) {
    const size_t end = buffered.find('\n');
    if (end != std::string::npos || (ended && !buffered.empty())) {
      std::string line = buffered.substr(0, end);
      buffered.erase(0, end == std::string::npos ? end : end + 1);
      if (line.ends_with('\r')) line.pop_back();
      return {LineEditor::Event::kLine, std::move(line)};
    }
    if (ended) return {LineEditor::Event::kEnd, ""};
    if (!interrupt.WaitReadable(STDIN_FILENO)) return {LineEditor::Event::kInterrupted, ""};
    char bytes[4096];
    const ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) ended = true;
    if (got > 0) buffered.append(bytes, static_cast<size_t>(got));
  }
}

}  // namespace

LineEditor::LineEditor(const std::string& history_file, const InterruptScope& interrupt)
    : impl_(std::make_unique<Impl>()) {
  impl_->interrupt = &interrupt;
  if (!StdinIsTerminal() || !StdoutIsTerminal()) return;
  UseUtf8();
  impl_->editor = el_init("tael", stdin, stdout, stderr);
  if (impl_->editor == nullptr) return;
  impl_->history = history_init();
  HistEvent event;
  constexpr int kEntries = 1000;
  history(impl_->history, &event, H_SETSIZE, kEntries);
  history(impl_->history, &event, H_SETUNIQUE, 1);
  history(impl_->history, &event, H_LOAD, history_file.c_str());
  impl_->history_file = history_file;
  el_set(impl_->editor, EL_CLIENTDATA, const_cast<InterruptScope*>(&interrupt));
  el_set(impl_->editor, EL_GETCFN, &ReadCharacter);
  el_set(impl_->editor, EL_EDITOR, "emacs");
  el_set(impl_->editor, EL_SIGNAL, 0);
  el_set(impl_->editor, EL_HIST, history, impl_->history);
}

LineEditor::~LineEditor() {
  if (impl_->editor != nullptr) el_end(impl_->editor);
  if (impl_->history != nullptr) history_end(impl_->history);
}

bool LineEditor::interactive() const { return impl_->editor != nullptr; }

LineEditor::Input LineEditor::Read(const std::string& prompt) {
  if (impl_->editor == nullptr) return Plain(impl_->buffered, impl_->ended, *impl_->interrupt);
  // libedit calls back for the prompt without data of ours: a static holds it for the one editor.
  static std::string shown_prompt;
  shown_prompt = prompt;
  using PromptFunction = char* (*)(EditLine*);
  const PromptFunction show = [](EditLine*) { return shown_prompt.data(); };
  el_set(impl_->editor, EL_PROMPT, show);
  int count = 0;
  const char* text = el_gets(impl_->editor, &count);
  if (impl_->interrupt->interrupted()) {
    el_reset(impl_->editor);
    PrintOut("\n");
    FlushOut();
    return {Event::kInterrupted, ""};
  }
  if (text == nullptr || count <= 0) return {Event::kEnd, ""};
  std::string line(text);
  if (line.ends_with('\n')) line.pop_back();
  return {Event::kLine, std::move(line)};
}

void LineEditor::Remember(const std::string& message) {
  if (impl_->editor == nullptr || message.empty()) return;
  HistEvent event;
  history(impl_->history, &event, H_ENTER, message.c_str());
  try {
    MakeDirectories(DirName(impl_->history_file));
    history(impl_->history, &event, H_SAVE, impl_->history_file.c_str());
  } catch (const Error&) {  // a read-only home must not end the conversation
  }
}

}  // namespace tael
