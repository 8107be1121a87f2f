/* SPDX-License-Identifier: MIT */
/* hold: a service that does nothing, and as little memory as that takes. Linked statically. */
#include <unistd.h>

int main(void)
{
    for (;;)
        pause();
}
