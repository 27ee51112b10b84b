// A resolver that is made of others, for trees since 2021.
#ifndef HIL_JOINED_RESOLVER_H
#define HIL_JOINED_RESOLVER_H

#include <utility>

namespace hil {
namespace tflm {

// What the first of the resolvers that has it gives, null when none has; `Parts` has Count() and
// At(index).
template <typename Parts, typename Find>
auto FirstFound(const Find &find) -> decltype(find(Parts::At(0))) {
  for (unsigned i = 0; i < Parts::Count(); i++) {
    const auto found = find(Parts::At(i));
    if (found != nullptr) return found;
  }
  return nullptr;
}

template <typename Parts, typename Resolver, typename Code>
class JoinedResolverOf : public Resolver {
  using Registration = decltype(std::declval<const Resolver &>().FindOp(Code()));
  using Parser = decltype(std::declval<const Resolver &>().GetOpDataParser(Code()));

 public:
  Registration FindOp(Code code) const override {
    return FirstFound<Parts>([=](const Resolver &part) { return part.FindOp(code); });
  }

  Registration FindOp(const char *custom_name) const override {
    return FirstFound<Parts>([=](const Resolver &part) { return part.FindOp(custom_name); });
  }

  Parser GetOpDataParser(Code code) const override {
    return FirstFound<Parts>([=](const Resolver &part) { return part.GetOpDataParser(code); });
  }
};

}  // namespace tflm
}  // namespace hil

#endif
