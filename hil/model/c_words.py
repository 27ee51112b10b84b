"""What no C or C++ source may name an array."""

from __future__ import annotations

# C23 and C++23 with their alternative spellings (WG14 N3096, 6.4.1; WG21 N4950, 5.10 and 5.11).
_KEYWORDS = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t
char32_t class co_await co_return co_yield compl concept const const_cast consteval constexpr
constinit continue decltype default delete do double dynamic_cast else enum explicit export extern
false float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr
operator or or_eq private protected public register reinterpret_cast requires restrict return short
signed sizeof static static_assert static_cast struct switch template this thread_local throw true
try typedef typeid typename typeof typeof_unqual union unsigned using virtual void volatile wchar_t
while xor xor_eq
"""
# What GNU compilers define as macros unless told -std=c..., and the function of every program.
_TAKEN = "arm i386 linux main unix"

RESERVED = frozenset(_KEYWORDS.split()) | frozenset(_TAKEN.split())
