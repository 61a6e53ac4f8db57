/** From projected patch features to the rows that stand for a picture or a video in the prompt (spec of LLaVA-NeXT's
 *  "anyres" and of LLaVA-OneVision's videos). T tiles or frames, n patches along a side of a tile, D width.
 *
 *  vision/layout.ts says where everything goes; this file moves the features there. */
import { avgPool2d, cat, maxPool2d, type Tensor, upsampleBilinear2d } from "@rediff/torch";
import type { PictureLayout, VideoLayout } from "../../vision/tiles/token-layout.js";

/** Features as a picture: [T, n*n, D] of a grid of tiles -> [1, D, rows*n, columns*n] */
function stitch(tiles_TPD: Tensor, rows: number, columns: number, side: number): Tensor {
  return tiles_TPD
    .view([rows, columns, side, side, -1])
    .permute([4, 0, 2, 1, 3])
    .reshape([1, -1, rows * side, columns * side]);
}

/** [1 or T, D, H, W] -> the same with a newline vector at the end of each row: [T, D, H, W + 1] */
function endRows(map: Tensor, newline_D: Tensor): Tensor {
  const [frames = 1, width = 0, height = 0] = map.shape;
  return cat([map, newline_D.view([1, width, 1, 1]).expand([frames, width, height, 1])], 3);
}

/** [T, D, H, W] -> [T*H*W, D], frame by frame, row by row */
const raster = (map: Tensor): Tensor => map.permute([0, 2, 3, 1]).reshape([-1, map.size(1)]);

/** A picture's rows: [tokens, D] from the features of its views [T, n*n, D]. */
export function pictureTokens(features_TPD: Tensor, layout: PictureLayout, newline_D: Tensor | undefined): Tensor {
  const width = features_TPD.size(2);
  if (layout.kind === "views") {
    const rows = features_TPD.reshape([-1, width]);
    return layout.newline ? cat([rows, needNewline(newline_D).view([1, width])], 0) : rows;
  }
  const { grid, window, size, resize } = layout;
  const side = Math.sqrt(features_TPD.size(1));
  let map = stitch(features_TPD.narrow(0, 1, grid.rows * grid.columns), grid.rows, grid.columns, side);
  map = map.narrow(2, window.top, window.height).narrow(3, window.left, window.width);
  if (resize === "max_pool") map = maxPool2d(map, 2);
  if (resize === "bilinear") map = upsampleBilinear2d(map, [size.height, size.width], false);
  const rows = layout.newline ? raster(endRows(map, needNewline(newline_D))) : raster(map);
  return layout.base ? cat([features_TPD.select(0, 0), rows], 0) : rows;
}

/** A video's rows: [tokens, D] from the features of its frames [T, n*n, D], pooled with stride 2 after projection. */
export function videoTokens(features_TPD: Tensor, layout: VideoLayout, newline_D: Tensor | undefined): Tensor {
  const [frames = 0, patches = 0, width = 0] = features_TPD.shape;
  const n = Math.sqrt(patches);
  const map = features_TPD.transpose(1, 2).reshape([frames, width, n, n]);
  const pooled =
    layout.poolMode === "average"
      ? avgPool2d(map, 2)
      : layout.poolMode === "max"
        ? maxPool2d(map, 2)
        : upsampleBilinear2d(map, [layout.side, layout.side], false);
  switch (layout.newline) {
    case "grid":
      return raster(endRows(pooled, needNewline(newline_D)));
    case "frame": {
      const newline = needNewline(newline_D).view([1, 1, width]).expand([frames, 1, width]);
      return cat([raster(pooled).view([frames, -1, width]), newline], 1).reshape([-1, width]);
    }
    case "one_token":
      return cat([raster(pooled), needNewline(newline_D).view([1, width])], 0);
    case "no_token":
      return raster(pooled);
  }
}

function needNewline(newline: Tensor | undefined): Tensor {
  if (newline === undefined) throw new Error("this merge type needs image_newline, which the checkpoint lacks");
  return newline;
}
