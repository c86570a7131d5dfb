/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dev.h - opening the device under test, and saying what to do if that fails
 */
#ifndef LODGE_SELFTEST_DEV_H
#define LODGE_SELFTEST_DEV_H

#include <stdbool.h>
#include <stddef.h>

const char *lodge_dev_path(void);
const char *lodge_dev_module(void);
bool lodge_dev_is_lodge(void);
int lodge_dev_open(void);
int lodge_dev_open_path(const char *path, int flags, const char *enoent_help);
int lodge_dev_explain(const char *path, int err, const char *enoent_help,
		      char *text, size_t size);
void lodge_dev_require(void);
bool lodge_dev_has_ext(long cap);
void lodge_dev_require_ext(long cap, const char *name);

#endif
