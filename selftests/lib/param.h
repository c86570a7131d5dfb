/* SPDX-License-Identifier: GPL-2.0 */
/*
 * param.h - reading module parameters
 *
 * The device is always probed first, so that a missing module is reported as
 * that and not as a missing parameter.
 */
#ifndef LODGE_SELFTEST_PARAM_H
#define LODGE_SELFTEST_PARAM_H

#include <stdbool.h>

void lodge_param_set_root(const char *path);
bool lodge_param_bool(const char *module, const char *name);
long lodge_param_int(const char *module, const char *name);

#endif
