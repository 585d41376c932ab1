#include "flows/bijector.h"

#include "autograd/elementwise.h"

namespace bijou::flows {
namespace {

void check_call(const char* op, const char* name, const Var& x, const Var& context) {
  check(x.dim() >= 1, op, ": ", name, " has the shape ", x.shape(), "; [batch, ...] expected");
  check(!context || (context.dim() >= 1 && context.size(0) == x.size(0)), op, ": a context of shape ",
        context ? context.shape() : Shape{}, " for a batch of ", x.size(0));
}

void check_log_det(const char* op, const Var& x, const Var& log_det) {
  check(log_det.shape() == Shape{x.size(0)}, op, ": a log-determinant of shape ", log_det.shape(), " for ", x.size(0),
        " rows; [batch] expected");
}

}  // namespace

Shape batch_of(int64_t n, const Shape& event) {
  Shape shape{n};
  for (int64_t size : event) shape.push_back(size);
  return shape;
}

void check_event(const char* name, const Var& x, const Shape& event) {
  check(x.dim() >= 1 && x.shape() == batch_of(x.size(0), event), name, ": [B] and then ", event, " expected, not ",
        x.shape());
}

void check_context(const char* name, const Var& context, int64_t length) {
  if (length == 0) check(!context, name, ": made for no context, but one was given");
  else
    check(context && context.dim() == 2 && context.size(1) == length, name, ": a context [B, ", length, "] expected");
}

Latent Bijector::forward(const Var& x, const Var& context) const {
  check_call("forward", "x", x, context);
  Latent latent = f(x, context);
  check_log_det("forward", x, latent.log_det);
  return latent;
}

Data Bijector::inverse(const Var& z, const Var& context) const {
  check_call("inverse", "z", z, context);
  Data data = g(z, context);
  check_log_det("inverse", z, data.log_det);
  return data;
}

Latent Chain::f(const Var& x, const Var& context) const {
  Latent h{x, zeros({x.size(0)})};
  for (const AnyBijector& b : list) {
    const Latent next = b->forward(h.z, context);
    h = {next.z, h.log_det + next.log_det};
  }
  return h;
}

Data Chain::g(const Var& z, const Var& context) const {
  Data h{z, zeros({z.size(0)})};
  for (size_t i = list.size(); i-- > 0;) {
    const Data next = list[i]->inverse(h.x, context);
    h = {next.x, h.log_det + next.log_det};
  }
  return h;
}

Shape Chain::latent_shape(const Shape& data_shape) const {
  Shape shape = data_shape;
  for (const AnyBijector& b : list) shape = b->latent_shape(shape);
  return shape;
}

void Chain::members(nn::Visitor& visit) {
  for (size_t i = 0; i < list.size(); ++i) visit(std::to_string(i), *list[i]);
}

Latent Inverse::f(const Var& x, const Var& context) const {
  const Data d = of->inverse(x, context);
  return {d.x, d.log_det};
}
Data Inverse::g(const Var& z, const Var& context) const {
  const Latent l = of->forward(z, context);
  return {l.z, l.log_det};
}

}  // namespace bijou::flows
