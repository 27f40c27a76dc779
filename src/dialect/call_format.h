// How models write tool calls: one row of data per dialect.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace tael {

// Calls whose arguments are tagged one by one. An empty function_open: the name follows the opening
// of the call at once and ends at a line break or a tag.
struct ParameterTags {
  const char* function_open = "";
  const char* function_name_end = "";
  const char* function_close = "";
  const char* open = "";  // "" = the dialect has no such tags
  const char* name_end = "";
  const char* head_end = "";  // behind name_end; "" = the value follows at once
  const char* close = "";
  bool on_own_lines = false;  // one line break at each end of a value belongs to the tags
  // Models forget what is to stand around a function: then a known tool's counts without it.
  bool may_stand_alone = false;
  // A value whose type nobody knows is read as JSON if it is that, else as a string.
  bool guess_types = false;
};

// What stands around calls and between their parts; "" = nothing. Within a call the body may be a
// JSON object with name and arguments, a list of such objects, or what the row says.
struct CallFormat {
  const char* name;
  std::array<const char*, 3> marks;  // a chat template that holds one of these is of this dialect
  std::array<const char*, 2> section_opens = {"", ""};  // around all calls
  const char* section_close = "";
  std::array<const char*, 3> call_opens = {"", "", ""};  // around one call
  std::array<const char*, 2> call_closes = {"", ""};
  // The body may be a name and a JSON object: KIND part_end NAME, or NAME id_open ID args_open.
  bool named = false;
  const char* part_end = "";
  const char* id_open = "";
  const char* args_open = "";
  bool name_is_id = false;  // "functions.NAME:INDEX" is the id, and holds the name
  ParameterTags tags = {};
  bool key_is_name = false;  // {NAME: ARGUMENTS}
  // At the start of a line a call may begin without a marker: JSON, or [f(a=1), g(b='x')].
  bool bare = false;
  // Calls are looked for within the reasoning too.
  bool in_reasoning = false;
  bool channels = false;  // Harmony: messages with a recipient
};

// All dialects. A template is of the first one of which it holds a mark.
std::span<const CallFormat> AllCallFormats();

// By its name, or nullptr.
const CallFormat* FindCallFormatNamed(std::string_view name);

// Of a chat template, or nullptr: then its text is answer only, and WhyNoCallFormat() says why.
const CallFormat* FindCallFormat(std::string_view template_source);
std::string WhyNoCallFormat(std::string_view template_source);

}  // namespace tael
