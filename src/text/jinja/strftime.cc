// The proleptic Gregorian calendar and the conversions of strftime.
#include "text/jinja/strftime.h"

#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <optional>

namespace tael::jinja {
namespace {

constexpr const char* kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                 "Thursday", "Friday", "Saturday"};
constexpr const char* kMonths[] = {"January",   "February", "March",    "April",
                                   "May",       "June",     "July",     "August",
                                   "September", "October",  "November", "December"};

struct Time {
  int64_t seconds;  // since 1970
  int64_t year;
  int month, day, hour, minute, second;  // month and day from 1
  int weekday;                           // 0 = Sunday
  int year_day;                          // from 0
};

bool IsLeap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms" (civil_from_days).
Time Split(int64_t seconds) {
  constexpr int64_t kDay = 86'400, kLimit = 250'000'000'000;  // about 8000 years
  seconds = std::clamp(seconds, -kLimit / 4, kLimit);
  const int64_t days = seconds >= 0 ? seconds / kDay : -((kDay - 1 - seconds) / kDay);
  const int64_t rest = seconds - days * kDay;
  const int64_t shifted = days + 719'468;
  const int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const int64_t in_era = shifted - era * 146'097;
  const int64_t year_of_era = (in_era - in_era / 1460 + in_era / 36'524 - in_era / 146'096) / 365;
  const int64_t from_march = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * from_march + 2) / 153;
  Time t{};
  t.seconds = seconds;
  t.day = static_cast<int>(from_march - (153 * shifted_month + 2) / 5 + 1);
  t.month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  t.year = year_of_era + era * 400 + (t.month <= 2 ? 1 : 0);
  t.hour = static_cast<int>(rest / 3600);
  t.minute = static_cast<int>(rest / 60 % 60);
  t.second = static_cast<int>(rest % 60);
  t.weekday = static_cast<int>(((days + 4) % 7 + 7) % 7);
  static constexpr int kBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  t.year_day = kBefore[t.month - 1] + t.day - 1 + (t.month > 2 && IsLeap(t.year) ? 1 : 0);
  return t;
}

int64_t Now() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return static_cast<int64_t>(now) + local.tm_gmtoff;
}

// ISO 8601: the week with the year's first Thursday is week 1.
void IsoWeek(const Time& t, int64_t* year, int* week) {
  const int monday_based = (t.weekday + 6) % 7;
  *year = t.year;
  *week = (t.year_day - monday_based + 10) / 7;
  const auto weeks_in = [](int64_t y) {
    const auto last_weekday = [](int64_t z) { return (z + z / 4 - z / 100 + z / 400) % 7; };
    return last_weekday(y) == 4 || last_weekday(y - 1) == 3 ? 53 : 52;
  };
  if (*week < 1) {
    *week = weeks_in(--*year);
  } else if (*week > weeks_in(*year)) {
    *week = 1;
    ++*year;
  }
}

// `pad`: '0', '_' (blank), '-' (none); 0 takes the default.
std::string Number(int64_t value, int width, char pad, char fallback = '0') {
  if (pad == 0) pad = fallback;
  if (pad == '-') return fmt::format("{}", value);
  return pad == '_' ? fmt::format("{:{}}", value, width) : fmt::format("{:0{}}", value, width);
}

// Conversions of the time of day and the fixed characters; nullopt for others.
std::optional<std::string> ConvertClock(const Time& t, char conversion, char pad) {
  const int hour12 = t.hour % 12 == 0 ? 12 : t.hour % 12;
  switch (conversion) {
    case 'f':
      return "000000";
    case 'H':
      return Number(t.hour, 2, pad);
    case 'I':
      return Number(hour12, 2, pad);
    case 'k':
      return Number(t.hour, 2, pad, '_');
    case 'l':
      return Number(hour12, 2, pad, '_');
    case 'M':
      return Number(t.minute, 2, pad);
    case 'n':
      return "\n";
    case 'p':
      return t.hour < 12 ? "AM" : "PM";
    case 'P':
      return t.hour < 12 ? "am" : "pm";
    case 'r':
      return fmt::format("{:02}:{:02}:{:02} {}", hour12, t.minute, t.second,
                         t.hour < 12 ? "AM" : "PM");
    case 'R':
      return fmt::format("{:02}:{:02}", t.hour, t.minute);
    case 's':
      return fmt::format("{}", t.seconds);
    case 'S':
      return Number(t.second, 2, pad);
    case 't':
      return "\t";
    case 'T':
    case 'X':
      return fmt::format("{:02}:{:02}:{:02}", t.hour, t.minute, t.second);
    case 'z':
    case 'Z':
      return "";  // the clock has no time zone
    case '%':
      return "%";
    default:
      return std::nullopt;
  }
}

// Conversions of the date; "" for an unknown letter.
std::string ConvertDate(const Time& t, char conversion, char pad) {
  int64_t iso_year;
  int iso_week;
  IsoWeek(t, &iso_year, &iso_week);
  switch (conversion) {
    case 'a':
      return std::string(kDays[t.weekday], 3);
    case 'A':
      return kDays[t.weekday];
    case 'b':
    case 'h':
      return std::string(kMonths[t.month - 1], 3);
    case 'B':
      return kMonths[t.month - 1];
    case 'c':
      return fmt::format("{:.3} {:.3} {:2} {:02}:{:02}:{:02} {}", kDays[t.weekday],
                         kMonths[t.month - 1], t.day, t.hour, t.minute, t.second, t.year);
    case 'C':
      return Number(t.year / 100, 2, pad);
    case 'd':
      return Number(t.day, 2, pad);
    case 'D':
    case 'x':
      return fmt::format("{:02}/{:02}/{:02}", t.month, t.day, t.year % 100);
    case 'e':
      return Number(t.day, 2, pad, '_');
    case 'F':
      return fmt::format("{}-{:02}-{:02}", t.year, t.month, t.day);
    case 'g':
      return Number(iso_year % 100, 2, pad);
    case 'G':
      return fmt::format("{}", iso_year);
    case 'j':
      return Number(t.year_day + 1, 3, pad);
    case 'm':
      return Number(t.month, 2, pad);
    case 'u':
      return fmt::format("{}", t.weekday == 0 ? 7 : t.weekday);
    case 'U':
      return Number((t.year_day + 7 - t.weekday) / 7, 2, pad);
    case 'V':
      return Number(iso_week, 2, pad);
    case 'w':
      return fmt::format("{}", t.weekday);
    case 'W':
      return Number((t.year_day + 7 - (t.weekday + 6) % 7) / 7, 2, pad);
    case 'y':
      return Number(t.year % 100, 2, pad);
    case 'Y':
      return fmt::format("{}", t.year);
    default:
      return {};
  }
}

std::string Convert(const Time& t, char conversion, char pad) {
  const std::optional<std::string> clock = ConvertClock(t, conversion, pad);
  return clock.has_value() ? *clock : ConvertDate(t, conversion, pad);
}

}  // namespace

std::string FormatTime(std::string_view format, int64_t unix_time) {
  const Time t = Split(unix_time == -1 ? Now() : unix_time);
  static constexpr std::string_view kKnown = "aAbBcCdDeFfgGhHIjklmMnpPrRsStTuUVwWxXyYzZ%";
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    size_t at = i + 1;
    char pad = 0;
    bool upper = false;
    for (;
         at < format.size() && std::string_view("-_0^#").find(format[at]) != std::string_view::npos;
         ++at) {
      if (format[at] == '^' || format[at] == '#') {
        upper = true;
      } else {
        pad = format[at];
      }
    }
    if (at < format.size() && (format[at] == 'E' || format[at] == 'O')) ++at;
    if (at >= format.size() || kKnown.find(format[at]) == std::string_view::npos) {
      out += '%';  // unknown or cut off: copied, and reading goes on behind the percent sign
      continue;
    }
    std::string text = Convert(t, format[at], pad);
    if (upper) {
      for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    }
    out += text;
    i = at;
  }
  return out;
}

}  // namespace tael::jinja
