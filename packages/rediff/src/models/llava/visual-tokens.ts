/** From projected patch features to the rows that stand for a picture or a video in the prompt (LLaVA-NeXT's "anyres"
 *  and LLaVA-OneVision's videos). vision/tiles/token-layout.ts says where everything goes; this file moves the features
 *  there.
 *  T tiles or frames, n patches along a side of a tile, P = n*n, D width, H and W rows and columns of a map, M tokens. */
import { avgPool2d, cat, maxPool2d, type Tensor, upsampleBilinear2d } from "@rediff/torch";
import type { PictureLayout, VideoLayout } from "../../vision/tiles/token-layout.js";

/** A grid of tiles as one map: [T, P, D] -> [1, D, rows*n, columns*n] */
function stitch(tiles_TPD: Tensor, rows: number, columns: number, n: number): Tensor {
  return tiles_TPD
    .view([rows, columns, n, n, -1])
    .permute([4, 0, 2, 1, 3])
    .reshape([1, -1, rows * n, columns * n]);
}

/** A newline vector at the end of each row: [1 or T, D, H, W] -> [1 or T, D, H, W + 1] */
function endRows(map_TDHW: Tensor, newline_D: Tensor): Tensor {
  const [frames = 1, width = 0, height = 0] = map_TDHW.shape;
  return cat([map_TDHW, newline_D.view([1, width, 1, 1]).expand([frames, width, height, 1])], 3);
}

/** Frame by frame, row by row: [T, D, H, W] -> [T*H*W, D] */
const raster = (map_TDHW: Tensor): Tensor => map_TDHW.permute([0, 2, 3, 1]).reshape([-1, map_TDHW.size(1)]);

/** A picture's rows from the features of its views: [T, P, D] -> [M, D] */
export function pictureTokens(features_TPD: Tensor, layout: PictureLayout, newline_D: Tensor | undefined): Tensor {
  const width = features_TPD.size(2);
  if (layout.kind === "views") {
    const rows_MD = features_TPD.reshape([-1, width]);
    return layout.newline ? cat([rows_MD, needNewline(newline_D).view([1, width])], 0) : rows_MD;
  }
  const { grid, window, size, resize } = layout;
  const n = Math.sqrt(features_TPD.size(1));
  const whole_1DHW = stitch(features_TPD.narrow(0, 1, grid.rows * grid.columns), grid.rows, grid.columns, n);
  let map_1DHW = whole_1DHW.narrow(2, window.top, window.height).narrow(3, window.left, window.width);
  if (resize === "max_pool") map_1DHW = maxPool2d(map_1DHW, 2);
  if (resize === "bilinear") map_1DHW = upsampleBilinear2d(map_1DHW, [size.height, size.width], false);
  const rows_MD = raster(layout.newline ? endRows(map_1DHW, needNewline(newline_D)) : map_1DHW);
  return layout.base ? cat([features_TPD.select(0, 0), rows_MD], 0) : rows_MD;
}

/** A video's rows from the features of its frames, pooled with stride 2 after projection: [T, P, D] -> [M, D] */
export function videoTokens(features_TPD: Tensor, layout: VideoLayout, newline_D: Tensor | undefined): Tensor {
  const [frames = 0, patches = 0, width = 0] = features_TPD.shape;
  const n = Math.sqrt(patches);
  const map_TDHW = features_TPD.transpose(1, 2).reshape([frames, width, n, n]);
  const pooled_TDHW =
    layout.poolMode === "average"
      ? avgPool2d(map_TDHW, 2)
      : layout.poolMode === "max"
        ? maxPool2d(map_TDHW, 2)
        : upsampleBilinear2d(map_TDHW, [layout.side, layout.side], false);
  switch (layout.newline) {
    case "grid":
      return raster(endRows(pooled_TDHW, needNewline(newline_D)));
    case "frame": {
      const newline_T1D = needNewline(newline_D).view([1, 1, width]).expand([frames, 1, width]);
      return cat([raster(pooled_TDHW).view([frames, -1, width]), newline_T1D], 1).reshape([-1, width]);
    }
    case "one_token":
      return cat([raster(pooled_TDHW), needNewline(newline_D).view([1, width])], 0);
    case "no_token":
      return raster(pooled_TDHW);
  }
}

function needNewline(newline_D: Tensor | undefined): Tensor {
  if (newline_D === undefined) throw new Error("this merge type needs image_newline, which the checkpoint lacks");
  return newline_D;
}
