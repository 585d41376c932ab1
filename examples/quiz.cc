// The quiz of the lecture: every question answered by a run. The answers in words are in examples/tour/quiz.md, the
// runs in examples/quiz/, a file for each part of the lecture.
//
//   examples/quiz --part flows
#include "examples/quiz/quiz.h"

#include <cstdio>

#include "tensor/random.h"

using namespace bijou;

int main(int argc, char** argv) {
  support::Args args(argc, argv, {.name = "quiz", .about = "The lecture's quiz, answered by running code."});
  constexpr struct {
    const char* name;
    void (*answer)(const support::Run&, support::Result&);
  } kParts[] = {{"flows", quiz::flows},
                {"self-supervision", quiz::self_supervision},
                {"self-training", quiz::self_training},
                {"distribution-augmentation", quiz::distribution_augmentation},
                {"flat-minima", quiz::flat_minima}};
  std::vector<std::string> names{"all"};
  for (const auto& part : kParts) names.push_back(part.name);
  const std::string chosen = args.choice("part", names, "which questions");
  const support::Run run = args.done();

  support::Result result("quiz");
  for (const auto& part : kParts) {
    if (chosen != "all" && chosen != part.name) continue;
    std::printf("%s\n", part.name);
    manual_seed(run.seed);
    part.answer(run, result);
  }
  result.print();
}
