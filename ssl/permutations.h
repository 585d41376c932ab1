// Augmentations that move pixels to other places, and nothing else: each variant is a table that says where every
// number of the image comes from. They can be counted and undone, so a variant can be a label (rotation prediction,
// jigsaw puzzles) or a condition (H. Jun et al., "Distribution augmentation for generative modeling", ICML 2020, whose
// types these are).
#pragma once

#include "ssl/augmentation.h"

namespace bijou::ssl {

Augmentation rotations();       // 4: by 0, 90, 180, 270 degrees counter-clockwise, of square images
Augmentation transposition();   // 2: rows and columns of square images exchanged
Augmentation reversal();        // 2: pixels in reverse order, which is a rotation by 180 degrees
Augmentation mirror();          // 2: left and right exchanged
Augmentation jigsaw();          // 24: the four quarters in every order; even height and width
Augmentation channel_orders();  // 6: the orders of three colours
// count + 1: random orders of all pixels, fixed by the seed; the same order in all channels.
Augmentation pixel_orders(int64_t count, uint64_t seed);

}  // namespace bijou::ssl
