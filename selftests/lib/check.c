// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

/* Exit code of a failed case in the kernel's selftest protocol. */
#define CHECK_FAIL 1

/**
 * lodge_check_failed - report a broken expectation and end the process
 * @file: source file of the check
 * @line: its line
 * @what: the condition as written
 * @fmt:  printf format of the explanation
 *
 * Context: any thread; the process ends with the harness's failure code.
 */
void lodge_check_failed(const char *file, int line, const char *what,
			const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	fprintf(stderr, "# %s:%d: %s: ", file, line, what);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, " (errno %d: %s)\n", saved, strerror(saved));
	_exit(CHECK_FAIL);
}

/**
 * lodge_check_exit - print one diagnostic line and end the process
 * @code: exit code, of the kernel's selftest protocol
 * @fmt:  printf format of the line
 *
 * Context: any thread.
 */
void lodge_check_exit(int code, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("# ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	_exit(code);
}
