// A recurrent network that reads a text character by character, and says at each which one may come next:
//
//   h_t = cell(x_t, h_{t-1}),    p(x_{t+1} | x_1 ... x_t) = softmax(W h_t + b)
//
// T. Mikolov et al., "Recurrent neural network based language model", Interspeech 2010; A. Karpathy, "The unreasonable
// effectiveness of recurrent neural networks", 2015. The cells are in nn/recurrent.h.
//
// Backpropagation through a whole book is out of the question. It is truncated: the text is cut into chunks, the state
// at the end of one is where the next begins, but no gradient passes between them (R. Williams, J. Peng, 1990).
//
// Not an nn::Autoregressive, although p(x) is the product of these conditionals: that interface takes examples of one
// length as a whole, this model an endless text in chunks, as codes, and hands its state on from chunk to chunk.
#pragma once

#include <functional>
#include <string>

#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/recurrent.h"

namespace bijou::experiments {

struct Text {
  std::string alphabet;  // character of code 0, 1, ...
  Indices train, valid;  // codes [n]
  double entropy = 0;    // bits a character that no model of the validation text can do without; 0: unknown

  Indices encode(const std::string& text) const;  // throws on a character that is not in the alphabet
  std::string decode(const Indices& codes) const;
};

// grammar: sentences of a small made-up language, in which verbs agree with nouns that may stand far before them; its
// entropy is known. shakespeare, names: files below folder/text; of the names, in random order, and of Shakespeare, a
// tenth at the end is the validation text.
std::vector<std::string> text_names();
Text load_text(const std::string& name, const std::string& folder);

std::vector<std::string> cell_names();  // rnn, gru, lstm

struct CharRnn : nn::Module {
  struct Options {
    std::string cell = "gru";
    int64_t alphabet;
    int64_t hidden = 128, layers = 1;
    double dropout = 0;  // of what goes into the last layer, while training
  };
  explicit CharRnn(Options o);

  struct State {
    Var h, c;  // [layers, B, hidden]; nothing at the start; c for lstm only
    State detach() const { return {h.detach(), c ? c.detach() : Var()}; }
  };
  struct Result {
    Var logits;  // [B, T, alphabet]: of the character after each
    State state;
  };
  Result operator()(const Indices& codes, const State& state) const;  // [B, T]
  void members(nn::Visitor& visit) override;

  Options options;
  nn::Embedding embedding;
  std::vector<nn::RNN> rnn;  // one of these three
  std::vector<nn::GRU> gru;
  std::vector<nn::LSTM> lstm;
  nn::Linear out;
};

struct CharTraining {
  CharRnn::Options model;
  int epochs;
  double minutes = 0;          // stop after so many, if that comes first (0: never)
  int64_t batch = 32;          // places of the text that are read at once
  int64_t chunk = 64;          // characters between which gradients flow
  double lr = 4e-3, clip = 1;  // of Adam, the highest; the norm of gradients is held to `clip`
  uint64_t seed = 0;
  std::function<bool(double bits)> report = {};  // called after every step; false stops the training
};
struct CharRun {
  CharRnn model;                       // with the weights that were best on the validation text
  std::vector<double> minutes, valid;  // bits a character, ten times a run
  double best;
};
int64_t training_steps(const Text& corpus, const CharTraining& o);
CharRun train_char_rnn(const Text& corpus, const CharTraining& o);

// -log2 p a character, over a text that is read in one go in several places.
double bits_per_char(const CharRnn& model, const Indices& text);

// What the model writes after the prompt: each character drawn from softmax(logits / temperature).
std::string continue_text(const CharRnn& model, const Text& corpus, const std::string& prompt, int64_t length,
                          double temperature, Generator& g);

}  // namespace bijou::experiments
