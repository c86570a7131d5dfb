/* SPDX-License-Identifier: GPL-2.0 */
/*
 * check.h - assertions of the library
 *
 * The harness's ASSERT macros work only in a test's own body. Library code
 * states what it needs with lodge_check(); a failure ends the process with
 * the code that the harness counts as a failed case.
 */
#ifndef LODGE_SELFTEST_CHECK_H
#define LODGE_SELFTEST_CHECK_H

#define lodge_check(cond, ...)						\
	do {								\
		if (!(cond))						\
			lodge_check_failed(__FILE__, __LINE__, #cond,	\
					   __VA_ARGS__);		\
	} while (0)

void lodge_check_failed(const char *file, int line, const char *what,
			const char *fmt, ...)
	__attribute__((noreturn, format(printf, 4, 5)));
void lodge_check_exit(int code, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

#endif
