// What models there are.
#include "server/endpoints.h"

namespace tael {
namespace {

Json ModelToJson(const ModelCatalogue::Entry& entry) {
  Json json;
  json.Set("id", entry.name);
  json.Set("object", "model");
  json.Set("created", entry.created);
  json.Set("owned_by", "tael");
  return json;
}

}  // namespace

void ListModels(Service& service, const Call& call) {
  JsonArray list;
  for (const auto& entry : service.models().catalogue().List()) list.push_back(ModelToJson(entry));
  Json body;
  body.Set("object", "list");
  body.Set("data", std::move(list));
  call.Answer(body);
}

void GetModel(Service& service, const Call& call) {
  const ModelCatalogue& catalogue = service.models().catalogue();
  const std::string name = catalogue.Resolve(call.rest);
  for (const auto& entry : catalogue.List()) {
    if (entry.name == name) return call.Answer(ModelToJson(entry));
  }
  throw ApiError(404, "model_not_found", "model", "the model is gone");
}

}  // namespace tael
