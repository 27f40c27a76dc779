#include "api/error_body.h"

#include <gtest/gtest.h>

namespace tael {
namespace {

std::string Text(Api api, const ApiError& error, const std::string& id = "") {
  return DumpJson(ErrorBody(api, error, id));
}

TEST(ErrorBody, HasTheFormOfEachApi) {
  const ApiError missing(404, "model_not_found", "model", "no");
  EXPECT_EQ(Text(Api::kOpenAi, missing),
            R"({"error":{"message":"no","type":"invalid_request_error","param":"model",)"
            R"("code":"model_not_found"}})");
  EXPECT_EQ(Text(Api::kAnthropic, missing, "req_1"),
            R"({"type":"error","error":{"type":"not_found_error","message":"no"},)"
            R"("request_id":"req_1"})");
  EXPECT_EQ(Text(Api::kOllama, missing), R"({"error":"no"})");
}

TEST(ErrorBody, TypesFollowTheStatus) {
  const ApiError busy(503, "", "", "busy");
  EXPECT_EQ(Text(Api::kOpenAi, busy),
            R"({"error":{"message":"busy","type":"server_error","param":null,"code":null}})");
  EXPECT_EQ(Text(Api::kAnthropic, busy),
            R"({"type":"error","error":{"type":"overloaded_error","message":"busy"},)"
            R"("request_id":null})");
  const std::pair<int, const char*> types[] = {{400, "invalid_request_error"},
                                               {401, "authentication_error"},
                                               {403, "permission_error"},
                                               {408, "timeout_error"},
                                               {413, "request_too_large"},
                                               {429, "rate_limit_error"},
                                               {500, "api_error"},
                                               {504, "timeout_error"},
                                               {409, "conflict_error"}};
  for (const auto& [status, type] : types) {
    const Json body = ErrorBody(Api::kAnthropic, ApiError(status, "", "", "x"));
    EXPECT_EQ(*body.Find("error")->Find("type"), Json(type)) << status;
  }
}

}  // namespace
}  // namespace tael
