// A graph to look at: as a list of steps, or as a drawing.
//
//   Var w = parameter(randn({3, 1})), loss = mean(square(tanh(matmul(x, w))));
//   to_text(loss, {{"w", w}}):     w: [3, 1] parameter          to_dot(loss, {{"w", w}}): the same for Graphviz,
//                                  %1: [5, 3]                      dot -Tsvg graph.dot > graph.svg
//                                  %2 = matmul(%1, w): [5, 1]
//                                  %3 = tanh(%2): [5, 1]
//                                  ...
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "autograd/var.h"

namespace bijou {

using Names = std::vector<std::pair<std::string, Var>>;  // for parameters, inputs, or any step

// What y was made of, oldest first, one line a step: the graph as a program. Later steps refer to earlier ones by name.
std::string to_text(const Var& y, const Names& names = {});

// In Graphviz's language: boxes are values, filled where they want a gradient; arrows go from inputs to results.
std::string to_dot(const Var& y, const Names& names = {});

}  // namespace bijou
