/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STAGE2_ODD_H
#define STAGE2_ODD_H

#include "stage2.h"

extern const struct lodge_stage2_format stage2_odd_format;

#endif
