#include "autograd/draw.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace bijou {
namespace {

// The nodes that y was made of, oldest first; no recursion, since a chain may be a million long.
std::vector<const Node*> history(const Var& y) {
  std::unordered_set<const Node*> seen;
  std::vector<const Node*> nodes;
  auto visit = [&](const Var& x) {
    if (x && seen.insert(x.node()).second) nodes.push_back(x.node());
  };
  visit(y);
  for (size_t k = 0; k < nodes.size(); ++k)
    for (const Node::Input& input : nodes[k]->inputs) visit(input.var);
  std::sort(nodes.begin(), nodes.end(), [](const Node* a, const Node* b) { return a->id < b->id; });
  return nodes;
}

// A node's given name, or a number: %1, %2, ... from the oldest on.
std::unordered_map<const Node*, std::string> labels(const std::vector<const Node*>& nodes, const Names& names) {
  std::unordered_map<const Node*, std::string> labels;
  for (const auto& [name, var] : names) labels[var.node()] = name;
  int unnamed = 0;
  for (const Node* node : nodes)
    if (!labels.contains(node)) labels[node] = "%" + std::to_string(++unnamed);
  return labels;
}

bool is_leaf(const Node& node) { return node.inputs.empty() && !node.released; }

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "\"";
}

}  // namespace

std::string to_text(const Var& y, const Names& names) {
  const std::vector<const Node*> nodes = history(y);
  const auto label = labels(nodes, names);
  std::string out;
  for (const Node* node : nodes) {
    out += label.at(node);
    if (!is_leaf(*node)) {
      out += std::string(" = ") + node->op + "(";
      for (size_t i = 0; i < node->inputs.size(); ++i) {
        const Var& x = node->inputs[i].var;
        out += (i ? ", " : "") + (x ? label.at(x.node()) : "none");
      }
      out += node->released ? "freed)" : ")";
    }
    out += ": " + to_string(node->value.shape());
    out += is_leaf(*node) && node->requires_grad ? " parameter\n" : "\n";
  }
  return out;
}

std::string to_dot(const Var& y, const Names& names) {
  const std::vector<const Node*> nodes = history(y);
  const auto label = labels(nodes, names);
  auto id = [](const Node* node) { return "n" + std::to_string(node->id); };
  std::string out = "digraph {\n  rankdir = LR\n  node [shape = box]\n";
  for (const Node* node : nodes) {
    const bool named = label.at(node)[0] != '%';
    std::string text = named ? label.at(node) : "";
    if (!is_leaf(*node)) text += (named ? " = " : "") + std::string(node->op);
    text += (text.empty() ? "" : "  ") + to_string(node->value.shape());
    out += "  " + id(node) + " [label = " + quoted(text);
    if (is_leaf(*node)) out += node->requires_grad ? ", style = filled, fillcolor = lightblue" : ", style = dashed";
    out += "]\n";
    for (const Node::Input& input : node->inputs)
      if (input.var) out += "  " + id(input.var.node()) + " -> " + id(node) + "\n";
  }
  return out + "}\n";
}

}  // namespace bijou
