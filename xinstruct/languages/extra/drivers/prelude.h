/* Standard headers, and what the generated call of one function needs: it stands before every answer. The answer's
 * own types decide: an argument is converted to the declared parameter type and refused when that changes it. */
#pragma once
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct xinstruct_value xinstruct_value;
const xinstruct_value *xinstruct_argument(size_t at);
const xinstruct_value *xinstruct_item(const xinstruct_value *list, size_t at);
size_t xinstruct_length(const xinstruct_value *list);
__int128 xinstruct_integer(const xinstruct_value *value);
double xinstruct_number(const xinstruct_value *value);
bool xinstruct_truth(const xinstruct_value *value);
char *xinstruct_text(const xinstruct_value *value);
char xinstruct_char(const xinstruct_value *value);
void *xinstruct_room(size_t count, size_t size);
_Noreturn void xinstruct_mismatch(const char *what);
void xinstruct_put(const char *text);
void xinstruct_put_integer(__int128 value);
void xinstruct_put_unsigned(unsigned long long value);
void xinstruct_put_double(double value);
void xinstruct_put_truth(bool value);
void xinstruct_put_text(const char *text);
void xinstruct_put_char(char value);

#define XINSTRUCT_FLOATS(T, yes, no) _Generic((T)0, float: yes, double: yes, long double: yes, default: no)

/* arguments: T is the parameter's type as the answer writes it */
#define XINSTRUCT_INT(T, v) \
    ({ __int128 n_ = xinstruct_integer(v); T t_ = (T)n_; \
       if ((__int128)t_ != n_) xinstruct_mismatch("an integer does not fit " #T); t_; })
#define XINSTRUCT_FLOAT(T, v) \
    ({ if (!XINSTRUCT_FLOATS(T, 1, 0)) xinstruct_mismatch("a number is no " #T); (T)xinstruct_number(v); })
#define XINSTRUCT_BOOL(T, v) ((T)xinstruct_truth(v))
#define XINSTRUCT_CHAR(T, v) (xinstruct_char(v))
#define XINSTRUCT_STRING(T, v) (xinstruct_text(v))
#define XINSTRUCT_LIST(E, one, v) \
    ({ const xinstruct_value *l_ = (v); size_t n_ = xinstruct_length(l_); E *a_ = xinstruct_room(n_, sizeof(E)); \
       for (size_t i_ = 0; i_ < n_; i_++) a_[i_] = one(E, xinstruct_item(l_, i_)); a_; })
#define XINSTRUCT_LENGTH(T, v) ((T)xinstruct_length(v))

/* results: their own type tells, and what the signature says tells a char from a number and 0 from false */
#define XINSTRUCT_GIVE(r) _Generic((r), \
    bool: xinstruct_put_truth, char *: xinstruct_put_text, const char *: xinstruct_put_text, \
    float: xinstruct_put_double, double: xinstruct_put_double, long double: xinstruct_put_double, \
    unsigned long: xinstruct_put_unsigned, unsigned long long: xinstruct_put_unsigned, \
    default: xinstruct_put_integer)(r)
#define XINSTRUCT_GIVE_INT(r) XINSTRUCT_GIVE(r)
#define XINSTRUCT_GIVE_FLOAT(r) XINSTRUCT_GIVE(r)
#define XINSTRUCT_GIVE_STRING(r) _Generic((r), \
    char: xinstruct_put_char, char *: xinstruct_put_text, const char *: xinstruct_put_text, \
    float: xinstruct_put_double, double: xinstruct_put_double, long double: xinstruct_put_double, \
    default: xinstruct_put_integer)(r)
#define XINSTRUCT_GIVE_BOOL(r) \
    do { __auto_type b_ = (r); if (b_ == 0 || b_ == 1) xinstruct_put_truth(b_ != 0); else XINSTRUCT_GIVE(b_); } while (0)
#define XINSTRUCT_GIVE_LIST(r, n, one) \
    do { __auto_type a_ = (r); long long n_ = (long long)(n); \
         xinstruct_put("["); \
         for (long long i_ = 0; i_ < n_; i_++) { if (i_) xinstruct_put(","); one(a_[i_]); } \
         xinstruct_put("]"); } while (0)
