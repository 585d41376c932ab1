// The lecture's quiz, answered by running code. Each function works out the answer to some of its questions, prints
// what it saw, draws a picture where one says more, and notes its numbers in `result`. The prose is in
// examples/tour/quiz.md.
#pragma once

#include "examples/support/cli.h"
#include "examples/support/result.h"

namespace bijou::quiz {

// Flows: how are |dz/dx| and |dx/dz| related; what is the log-determinant of a sequence; how is a planar flow inverted;
// what makes Glow's transformations invertible and their determinants cheap?
void flows(const support::Run& run, support::Result& result);

// Self-supervision: which tasks are there, and why may they beat a density; is a masked language model a density?
void self_supervision(const support::Run& run, support::Result& result);

// Self-training: why might it work, and where does it not?
void self_training(const support::Run& run, support::Result& result);

// Distribution augmentation: why is p(t(x) | t) better than p(t(x))?
void distribution_augmentation(const support::Run& run, support::Result& result);

// Flat minima: why might they be better, and why is it hard to say what flat is?
void flat_minima(const support::Run& run, support::Result& result);

}  // namespace bijou::quiz
