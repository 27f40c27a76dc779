// Several threads ask and cancel while another one steps: every answer is the one it would be
// alone.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/engine_answers.h"

namespace tael {
namespace {

constexpr int kClients = 3, kRequests = 6;

// What one client asked; its observers run on the stepping thread.
struct Client {
  std::vector<Wanted> wanted;
  std::vector<Answer> answers = std::vector<Answer>(kRequests);
  std::vector<ChoiceId> first_seen = std::vector<ChoiceId>(kRequests);
  std::vector<RequestId> ids;  // as Submit() returned them
};

Wanted Request(int client, int i) {
  const SamplingParams sampling{.temperature = 1.0f, .seed = static_cast<uint64_t>(client)};
  return {Tokens(10 + 23 * i, client + i), sampling, 4 + i};
}

// Every third request is cancelled as soon as it is submitted.
bool Cancelled(int i) { return i % 3 == 2; }

void Ask(Engine& engine, Client& client, std::atomic<int>& open) {
  for (int i = 0; i < kRequests; ++i) {
    const auto at = static_cast<size_t>(i);
    EngineRequest request = Observed(client.wanted[at], client.answers[at], /*with_logits=*/false);
    request.owner = static_cast<OwnerId>(i % 2);
    request.observer.on_finish = [&client, &open, at](const ChoiceId& choice,
                                                      const ChoiceReport& report) {
      client.first_seen[at] = choice;
      client.answers[at].report = report;
      --open;
    };
    client.ids.push_back(engine.Submit(std::move(request)));
    if (Cancelled(i)) engine.Cancel(client.ids.back());
    // Watched from here: nothing is idle before anything has ended.
    EXPECT_EQ(engine.stats().kv_blocks, 4 * 7);
    EXPECT_FALSE(engine.idle() && open == kClients * kRequests);
  }
}

TEST(EngineThreads, ClientsSubmitAndCancelWhileTheEngineSteps) {
  const auto model = LoadModel(Golden("qwen3"));
  EngineOptions options;
  options.max_context = 448;
  options.limits = {.max_sequences = 4, .max_batch_tokens = 64, .prefill_chunk = 32};
  options.runner.threads = 2;
  options.runner.worth_a_thread = 0;
  Engine engine(*model, options);
  std::vector<Client> clients(kClients);
  for (int c = 0; c < kClients; ++c) {
    for (int i = 0; i < kRequests; ++i) clients[size_t(c)].wanted.push_back(Request(c, i));
  }
  std::atomic<int> open = kClients * kRequests;
  std::thread stepper([&] {
    while (open > 0) {
      if (!engine.Step()) std::this_thread::yield();
    }
  });
  std::vector<std::thread> threads;
  for (Client& client : clients) threads.emplace_back([&] { Ask(engine, client, open); });
  for (std::thread& thread : threads) thread.join();
  stepper.join();
  for (const Client& client : clients) {
    for (size_t i = 0; i < kRequests; ++i) {
      const Answer& answer = client.answers[i];
      EXPECT_EQ(client.first_seen[i], (ChoiceId{client.ids[i], 0}));
      std::vector<TokenId> alone = Alone(*model, client.wanted[i]).tokens;
      if (answer.report.finish == FinishReason::kCancelled) {
        EXPECT_TRUE(Cancelled(static_cast<int>(i)));
        ASSERT_LE(answer.tokens.size(), alone.size());
        alone.resize(answer.tokens.size());
      }
      EXPECT_EQ(answer.tokens, alone) << i;
    }
  }
  EXPECT_FALSE(engine.Step());
}

}  // namespace
}  // namespace tael
