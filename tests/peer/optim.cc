#include <memory>

#include "nn/linear.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "optim/ema.h"
#include "optim/lars.h"
#include "optim/rmsprop.h"
#include "optim/schedule.h"
#include "optim/sgd.h"
#include "peer.h"

namespace bijou::peer {
namespace {

using namespace optim;

// Two weights and 100 gradients for each; they after 1 and after 100 steps.
template <class Opt, class Options>
Case optimizer(const char* name, Options options) {
  return {name, [=](Draw& d) -> Problem {
            const Shape a = d.shape(0, 2), b = d.shape(1, 3);
            const auto steps = [](Shape shape) {
              Shape all{100};
              for (int64_t size : shape) all.push_back(size);
              return all;
            };
            const Tensor ga = d.normal(steps(a)), gb = d.normal(steps(b));
            const Tensor first = d.normal(a), second = d.normal(b);
            return {{},
                    [=](const Vars&) -> Vars {
                      const std::vector<Var> w{parameter(first.clone()), parameter(second.clone())};
                      Opt opt({{{w[0]}, options}, {{w[1]}, options}});
                      Vars result;
                      for (int t = 0; t < 100; ++t) {
                        Var(w[0]).set_grad(ga.row(t));
                        Var(w[1]).set_grad(gb.row(t));
                        opt.lr_scale = cosine_decay(t, 200);
                        opt.step();
                        if (t == 0 || t == 99)
                          result.insert(result.end(), {w[0].value().clone(), w[1].value().clone()});
                      }
                      return result;
                    },
                    {},
                    {},
                    {{"w0", first}, {"w1", second}, {"g0", ga}, {"g1", gb}}};
          }};
}

Problem clipping(Draw& d) {
  const Tensor a = d.normal(d.shape()), b = d.normal(d.shape());
  return {{},
          [=](const Vars&) -> Vars {
            Vars result;
            for (double limit : {0.5, 100.0}) {
              std::vector<Var> w{parameter(zeros(a.shape())), parameter(zeros(b.shape()))};
              w[0].set_grad(a.clone());
              w[1].set_grad(b.clone());
              result.push_back(real(clip_grad_norm(w, limit)));
              result.insert(result.end(), {w[0].grad().value().clone(), w[1].grad().value().clone()});
              clip_grad_value(w, 0.1);
              result.insert(result.end(), {w[0].grad(), w[1].grad()});
            }
            return result;
          },
          {},
          {},
          {{"g0", a}, {"g1", b}}};
}

Problem averaging(Draw& d) {
  const Tensor w = d.normal({20, 3, 4}), b = d.normal({20, 3});
  return {{},
          [=](const Vars&) -> Vars {
            nn::Linear model({.in = 4, .out = 3});
            model.weight.mutable_value().copy_from(w.row(0));
            model.bias.mutable_value().copy_from(b.row(0));
            Ema ema(model, {.decay = 0.875});
            for (int t = 1; t < 20; ++t) {
              model.weight.mutable_value().copy_from(w.row(t));
              model.bias.mutable_value().copy_from(b.row(t));
              ema.update();
            }
            return {ema.average.weight, ema.average.bias};
          },
          {},
          {},
          {{"w", w}, {"b", b}}};
}

Problem schedules(Draw& d) {
  const int64_t n = d.size(2, 100);
  return {{},
          [=](const Vars&) -> Vars {
            std::vector<std::vector<double>> lists(4);
            for (int64_t t = 0; t < n; ++t) {
              lists[0].push_back(linear_warmup(t, n / 2 + 1));
              lists[1].push_back(step_decay(t, n / 4 + 1, 0.5));
              lists[2].push_back(cosine_decay(t, n, 0.25));
              lists[3].push_back(one_cycle(t, n));
            }
            return {list(lists[0]), list(lists[1]), list(lists[2]), list(lists[3])};
          },
          {{"n", number(double(n))}}};
}

}  // namespace

void optim_cases(Cases& cases) {
  cases.insert(cases.end(),
               {
                   optimizer<SGD>("SGD", SgdOptions{.lr = 0.125, .weight_decay = 0.125}),
                   optimizer<SGD>("SGD momentum", SgdOptions{.lr = 0.0625, .momentum = 0.875, .weight_decay = 0.125}),
                   optimizer<SGD>("SGD Nesterov",
                                  SgdOptions{.lr = 0.0625, .momentum = 0.875, .nesterov = true, .weight_decay = 0.125}),
                   optimizer<RMSprop>("RMSprop", RmspropOptions{}),
                   optimizer<RMSprop>("RMSprop momentum", RmspropOptions{.momentum = 0.5, .weight_decay = 0.125}),
                   optimizer<Adam>("Adam", AdamOptions{}),
                   optimizer<Adam>("Adam decay", AdamOptions{.lr = 0.01, .betas = {0.8, 0.95}, .weight_decay = 0.125}),
                   optimizer<AdamW>("AdamW", AdamWOptions{}),
                   optimizer<AdamW>("AdamW decay", AdamWOptions{.lr = 0.01, .betas = {0.8, 0.95}, .weight_decay = 0.5}),
                   optimizer<LARS>("LARS", LarsOptions{.lr = 1, .weight_decay = 0.125, .eta = 0.0625}),
                   {"clipping", clipping},
                   {"Ema", averaging},
                   {"schedules", schedules},
               });
}

}  // namespace bijou::peer
