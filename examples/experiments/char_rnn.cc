#include "examples/experiments/char_rnn.h"

#include <algorithm>
#include <cmath>

#include "autograd/elementwise.h"
#include "examples/support/stopwatch.h"
#include "nn/dropout.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "optim/schedule.h"
#include "tensor/elementwise.h"
#include "tensor/files.h"

namespace bijou::experiments {
namespace {

// ---- Texts ----------------------------------------------------------------------------------------------------------

// Says sentences of the made-up language, and counts the bits of every choice. No sentence comes about in two ways, so
// the bits are -log2 of its probability.
//
//   sentence   phrase, now and then "that" phrase verb, then a verb that agrees with the first phrase, and an object
class Speaker {
 public:
  explicit Speaker(uint64_t seed) : g_(seed) {}

  std::string sentence() {
    const bool plural = pick(2);
    std::string s = phrase(plural);
    if (pick(3) == 0) {
      const bool other = pick(2);
      s += " that " + phrase(other) + " " + verb(other);
    } else {
      bits_ -= 1;  // two of the three outcomes say the same
    }
    s += " " + verb(plural);
    return s + " " + phrase(pick(2)) + ".\n";
  }
  double bits() const { return bits_; }

 private:
  size_t pick(int64_t n) { return bits_ += std::log2(double(n)), size_t(g_.below(n)); }
  std::string word(const std::vector<std::string>& list) { return list[pick(int64_t(list.size()))]; }

  std::string phrase(bool plural) {
    const std::string article = plural ? word({"the", "some"}) : word({"the", "one"});
    const std::string adjective = word({"", "old ", "small ", "green ", "clever "});
    return article + " " + adjective + word({"bird", "dog", "king", "river", "stone", "garden"}) + (plural ? "s" : "");
  }
  std::string verb(bool plural) { return word({"know", "follow", "hear", "find", "forget"}) + (plural ? "" : "s"); }

  Generator g_;
  double bits_ = 0;
};

std::string lines_in_random_order(const std::string& text) {
  std::vector<std::string> lines(1);
  for (const char c : text)
    if (c == '\n') lines.emplace_back();
    else lines.back() += c;
  Generator g(0);
  const Indices order = randperm(int64_t(lines.size()), g);
  std::string shuffled;
  for (const bijou::index i : order) shuffled += lines[size_t(i)] + "\n";
  return shuffled;
}

Text text_of(const std::string& train, const std::string& valid) {
  Text corpus;
  for (const char c : train + valid)
    if (corpus.alphabet.find(c) == std::string::npos) corpus.alphabet += c;
  std::sort(corpus.alphabet.begin(), corpus.alphabet.end());
  corpus.train = corpus.encode(train), corpus.valid = corpus.encode(valid);
  return corpus;
}

Text grammar() {
  auto speak = [](Speaker& speaker, size_t length) {
    std::string text;
    while (text.size() < length) text += speaker.sentence();
    return text;
  };
  Speaker first(1), second(2);
  const std::string train = speak(first, 200'000), valid = speak(second, 20'000);
  Text corpus = text_of(train, valid);
  corpus.entropy = second.bits() / double(valid.size());
  return corpus;
}

// ---- Reading --------------------------------------------------------------------------------------------------------

// A text as `batch` strips side by side, and pieces of all strips.
struct Strips {
  Strips(const Indices& text, int64_t batch) : length((text.numel() - 1) / batch), text(text), batch(batch) {
    check(length > 0, "char_rnn: a text of ", text.numel(), " characters for ", batch, " strips");
  }
  // Characters [first, first + steps) of each strip, or those one later: [batch, steps].
  Indices piece(int64_t first, int64_t steps, int64_t later) const {
    Indices codes(Shape{batch, steps});
    for (int64_t b = 0; b < batch; ++b)
      std::copy_n(text.data() + b * length + first + later, steps, codes.mutable_data() + b * steps);
    return codes;
  }
  int64_t length;
  Indices text;
  int64_t batch;
};

// The mean of -log p of what comes after each character, in nats.
Var loss_of(const Var& logits, const Indices& targets) {
  return mean(nll_of_logits(reshape(logits, {targets.numel(), logits.size(2)}), targets.flatten()));
}

}  // namespace

Indices Text::encode(const std::string& text) const {
  Indices codes(Shape{int64_t(text.size())});
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t code = alphabet.find(text[i]);
    check(code != std::string::npos, "char_rnn: the alphabet lacks the character number ", int(uint8_t(text[i])));
    codes.mutable_data()[i] = bijou::index(code);
  }
  return codes;
}

std::string Text::decode(const Indices& codes) const {
  std::string text;
  for (const bijou::index code : codes) text += alphabet[size_t(code)];
  return text;
}

std::vector<std::string> text_names() { return {"grammar", "shakespeare", "names"}; }

Text load_text(const std::string& name, const std::string& folder) {
  if (name == "grammar") return grammar();
  check(name == "shakespeare" || name == "names", "char_rnn: there is no text '", name, "'");
  check(!folder.empty(), name, ": the folder of the data sets is not known: give --data DIR, or set BIJOU_DATA");
  const Bytes bytes = read_file(folder + "/text/" + (name == "names" ? "names.txt" : "tinyshakespeare.txt"));
  std::string text(bytes.begin(), bytes.end());
  if (name == "names") text = lines_in_random_order(text);
  const size_t train = text.size() * 9 / 10;
  return text_of(text.substr(0, train), text.substr(train));
}

// ---- The model ------------------------------------------------------------------------------------------------------

std::vector<std::string> cell_names() { return {"rnn", "gru", "lstm"}; }

CharRnn::CharRnn(Options o)
    : options(std::move(o)),
      embedding({.count = options.alphabet, .dim = 64}),
      out({.in = options.hidden, .out = options.alphabet}) {
  const nn::Recurrent::Options shape{.in = 64, .hidden = options.hidden, .layers = options.layers};
  if (options.cell == "rnn") rnn.emplace_back(shape);
  else if (options.cell == "gru") gru.emplace_back(shape);
  else if (options.cell == "lstm") lstm.emplace_back(shape);
  else check(false, "CharRnn: there is no cell ", options.cell);
}

CharRnn::Result CharRnn::operator()(const Indices& codes, const State& state) const {
  const Var x = embedding(codes);
  Var y;
  State next;
  if (!lstm.empty()) {
    const nn::LSTM::Result r = lstm[0](x, {state.h, state.c});
    y = r.output, next = {r.state.h, r.state.c};
  } else {
    const nn::RNN::Result r = rnn.empty() ? gru[0](x, state.h) : rnn[0](x, state.h);
    y = r.output, next = {r.h, {}};
  }
  return {out(nn::dropout(y, y.shape(), training ? options.dropout : 0)), next};
}

void CharRnn::members(nn::Visitor& visit) {
  visit("embedding", embedding), visit("rnn", rnn), visit("gru", gru), visit("lstm", lstm), visit("out", out);
}

// ---- Training and use -----------------------------------------------------------------------------------------------

double bits_per_char(const CharRnn& model, const Indices& text) {
  constexpr int64_t kChunk = 100;
  const NoGrad guard;
  const Strips strips(text, 10);
  CharRnn::State state;
  double nats = 0;
  for (int64_t first = 0; first < strips.length; first += kChunk) {
    const int64_t steps = std::min(kChunk, strips.length - first);
    const CharRnn::Result r = model(strips.piece(first, steps, 0), state);
    state = r.state;
    nats += double(loss_of(r.logits, strips.piece(first, steps, 1)).item()) * double(steps);
  }
  return nats / double(strips.length) / std::log(2.0);
}

int64_t training_steps(const Text& corpus, const CharTraining& o) {
  check(o.epochs > 0, "char_rnn: ", o.epochs, " epochs");
  return o.epochs * std::max<int64_t>(1, Strips(corpus.train, o.batch).length / o.chunk);
}

CharRun train_char_rnn(const Text& corpus, const CharTraining& o) {
  manual_seed(o.seed);
  CharRun run{CharRnn(o.model), {}, {}, HUGE_VAL};
  CharRnn& model = run.model;
  optim::Adam optimizer(model.parameters(), {.lr = o.lr});
  const Strips strips(corpus.train, o.batch);
  const int64_t steps = training_steps(corpus, o), per_epoch = steps / o.epochs;
  const support::Stopwatch watch;
  nn::StateDict best;
  CharRnn::State state;
  double done = 0;  // the part of the time that is over
  for (int64_t step = 0; step < steps && done < 1; ++step) {
    const int64_t first = step % per_epoch * o.chunk, length = std::min(o.chunk, strips.length - first);
    if (first == 0) state = {};
    optimizer.zero_grad();
    const CharRnn::Result r = model(strips.piece(first, length, 0), state);
    const Var loss = loss_of(r.logits, strips.piece(first, length, 1));
    backward(loss);
    state = r.state.detach();  // the truncation: numbers pass on, gradients don't
    optim::clip_grad_norm(model.parameters(), o.clip);
    optimizer.lr_scale = optim::cosine_decay(int64_t(done * 1e6), 1'000'000);
    optimizer.step();
    const int tenth = int(done * 10);
    done = std::max(double(step + 1) / double(steps), watch.part_of(o.minutes));
    if (o.report && !o.report(double(loss.item()) / std::log(2.0))) done = 1;
    if (int(done * 10) == tenth) continue;
    model.eval();
    run.valid.push_back(bits_per_char(model, corpus.valid)), run.minutes.push_back(watch.minutes());
    model.train();
    if (run.valid.back() >= run.best) continue;
    run.best = run.valid.back(), best.clear();
    for (const auto& [name, tensor] : model.state_dict()) best.emplace_back(name, tensor.clone());
  }
  if (!best.empty()) model.load_state_dict(best);
  model.eval();
  return run;
}

std::string continue_text(const CharRnn& model, const Text& corpus, const std::string& prompt, int64_t length,
                          double temperature, Generator& g) {
  check(temperature > 0 && !prompt.empty(), "char_rnn: a prompt and a temperature above 0 expected, not ", temperature);
  const NoGrad guard;
  Indices codes = corpus.encode(prompt).reshape({1, -1});
  CharRnn::State state;
  std::string text;
  while (int64_t(text.size()) < length) {
    const CharRnn::Result r = model(codes, state);
    state = r.state;
    const Tensor last = select(r.logits, 1, -1).value();  // [1, alphabet]
    codes = categorical(last * real(1 / temperature), g).reshape({1, 1});
    text += corpus.decode(codes.flatten());
  }
  return text;
}

}  // namespace bijou::experiments
