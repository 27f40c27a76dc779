// What is wrong with a request, as every API can say it in its own form.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace tael {

class ApiError : public std::runtime_error {
 public:
  // `param`: the path of the field ("messages[2].content"), "" when it is none of them. `code`: a
  // stable word, those of OpenAI where they have one ("invalid_value", "unknown_parameter",
  // "unsupported_parameter", "missing_required_parameter", "model_not_found", ...).
  ApiError(int status, std::string code, std::string param, const std::string& message)
      : std::runtime_error(message),
        status_(status),
        code_(std::move(code)),
        param_(std::move(param)) {}

  int status() const { return status_; }  // of HTTP
  const std::string& code() const { return code_; }
  const std::string& param() const { return param_; }
  // After which trying again may help; 0 = unknown.
  int retry_after_seconds() const { return retry_after_seconds_; }
  ApiError&& After(int seconds) && {
    retry_after_seconds_ = seconds;
    return std::move(*this);
  }

 private:
  int status_;
  std::string code_, param_;
  int retry_after_seconds_ = 0;
};

}  // namespace tael
